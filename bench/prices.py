"""What a month costs at a steady rate, by list prices and the batches and requests of a simulation."""

import math
from dataclasses import dataclass

# List prices of us-east-1 in US dollars, as of 2025; docs/explanation/cost.md tells what a stack costs idle.
GB_SECOND = 0.0000133334  # Lambda, arm64
INVOCATIONS_MILLION = 0.20
REQUESTS_MILLION = 0.40  # SQS
KMS_CALL = 0.03 / 10_000
LOG_GB = 0.50
PROCESSOR_HOUR = 0.084  # RDS for PostgreSQL, m7g, one zone
SMALL_HOUR = 0.032  # db.t4g.small, two slow processors
SMALL_RATE = 100  # events a second, up to which it does
STORAGE_GB_MONTH = 0.115  # gp3
MEMORY_GB = 1.0
LOG_BYTES_A_BATCH = 700
SECONDS_A_MONTH = 2_592_000

# https://aws.amazon.com/sqs/pricing/: each 64 KB of a call's payload is billed as a request.
BYTES_A_REQUEST = 65_536
MESSAGES_PER_CALL = 10
IDLE_POLLERS = 5
IDLE_POLL_SECONDS = 20
# Of a login with an event_id; those of `make run` have 169 bytes and no event_id.
BYTES_AN_EVENT = 220
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html#sqs-estimate-kms-usage-costs
KEY_REUSE_SECONDS = 3_600
PRODUCERS, CONSUMERS = 10, 2  # principals: assumed of the producers; the poller and the function


@dataclass(frozen=True)
class Traffic:
    """What a month brings, as far as it is billed."""

    events: float
    events_a_message: int
    batches: float
    busy_seconds: float  # of the function
    receives: float  # billed requests
    processors: int  # of Postgres
    bytes_a_row: float

    @property
    def messages(self) -> float:
        """Messages in the queue."""
        return self.events / self.events_a_message


@dataclass(frozen=True)
class MonthlyPrice:
    """US dollars a month, at a steady rate."""

    function: float
    queue: float
    key: float
    logs: float
    database: float
    storage_growth: float  # what each further month of rows adds to every later bill
    gigabytes_a_month: float
    delivery_a_million: float  # of SQS, Lambda and KMS together, for a million events

    @property
    def total(self) -> float:
        """Of the first month, with half of its rows on average."""
        return self.function + self.queue + self.key + self.logs + self.database + self.storage_growth / 2


def billed_requests(messages: int, message_bytes: float) -> int:
    """The requests that AWS bills for calls with so many messages in all, ten in each call but the last."""
    full, rest = divmod(messages, MESSAGES_PER_CALL)
    a_call = max(1, math.ceil(MESSAGES_PER_CALL * message_bytes / BYTES_A_REQUEST))
    return full * a_call + (max(1, math.ceil(rest * message_bytes / BYTES_A_REQUEST)) if rest else 0)


def price_month(traffic: Traffic) -> MonthlyPrice:
    """What a month of the traffic costs; producers send ten messages a call, and the poller deletes ten."""
    sends = traffic.messages / MESSAGES_PER_CALL
    sends *= billed_requests(MESSAGES_PER_CALL, traffic.events_a_message * BYTES_AN_EVENT)
    deletes = traffic.messages / MESSAGES_PER_CALL
    idle = IDLE_POLLERS * SECONDS_A_MONTH / IDLE_POLL_SECONDS
    function = traffic.busy_seconds * MEMORY_GB * GB_SECOND + traffic.batches / 1e6 * INVOCATIONS_MILLION
    queue = (sends + traffic.receives + deletes + idle) / 1e6 * REQUESTS_MILLION
    key = SECONDS_A_MONTH / KEY_REUSE_SECONDS * (2 * PRODUCERS + CONSUMERS) * KMS_CALL
    is_small = traffic.events <= SMALL_RATE * SECONDS_A_MONTH
    gigabytes = traffic.events * traffic.bytes_a_row / 1e9
    return MonthlyPrice(
        function=function,
        queue=queue,
        key=key,
        logs=traffic.batches * LOG_BYTES_A_BATCH / 1e9 * LOG_GB,
        database=(SMALL_HOUR if is_small else traffic.processors * PROCESSOR_HOUR) * SECONDS_A_MONTH / 3600,
        storage_growth=gigabytes * STORAGE_GB_MONTH,
        gigabytes_a_month=gigabytes,
        delivery_a_million=(function + queue + key) / traffic.events * 1e6,
    )
