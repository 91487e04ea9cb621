"""How often and how long a message is tried: every number of queue and event source that depends on another."""

import math
from dataclasses import dataclass

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the timeout, plus the window;
# and at least five receives before the dead-letter queue, or throttling alone can move messages there.
TIMEOUTS_PER_VISIBILITY = 6
MIN_RECEIVES = 5
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
MAX_RECEIVES = 1000
QUEUE_RETENTION_DAYS = 7
# A day of the queue's retention is left to catch up in.
MAX_OUTAGE_MINUTES = (QUEUE_RETENTION_DAYS - 1) * 24 * 60
# With quarantine, only infrastructure failures count towards maxReceiveCount, so it can be high. Without quarantine, a
# rejected message reaches the dead-letter queue only after maxReceiveCount deliveries. A count that survives a longer
# outage delays that.
OUTAGE_MINUTES = 12 * 60
OUTAGE_MINUTES_WITHOUT_QUARANTINE = 30
# A message keeps its first time stamp in the dead-letter queue: the time there is what is left of these days.
DEAD_LETTER_RETENTION_DAYS = 14


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The delivery numbers that follow from the function's timeout, the batch window and an outage to outlive.

    `outage_minutes` of None is what suits `quarantine`, which is whether rejected messages go to the dead-letter queue
    at first sight.
    """

    timeout_seconds: int
    window_seconds: int
    quarantine: bool
    outage_minutes: int | None = None

    @property
    def outage_seconds(self) -> int:
        """The longest outage, in seconds, that sends no good message to the dead-letter queue."""
        return 60 * (self.outage_minutes or (OUTAGE_MINUTES if self.quarantine else OUTAGE_MINUTES_WITHOUT_QUARANTINE))

    @property
    def visibility_seconds(self) -> int:
        """Visibility timeout of the queue, in seconds; more than the rule where 1000 receives would not do."""
        rule = TIMEOUTS_PER_VISIBILITY * self.timeout_seconds + self.window_seconds
        return max(rule, math.ceil(self.outage_seconds / MAX_RECEIVES))

    @property
    def max_receive_count(self) -> int:
        """Receives before a message goes to the dead-letter queue: visibility times this covers the outage."""
        return min(max(math.ceil(self.outage_seconds / self.visibility_seconds), MIN_RECEIVES), MAX_RECEIVES)

    @property
    def late_seconds(self) -> int:
        """Age of the oldest message from which on it is late: two failed attempts, and no less than a quarter hour."""
        return max(900, 2 * self.visibility_seconds + self.window_seconds)


@dataclass(frozen=True, kw_only=True)
class ConnectionBudget:
    """How the connections of the database are shared out."""

    ingest: int
    analysts: int = 40
    operators: int = 10
    # superuser_reserved_connections, rds.rds_superuser_reserved_connections and the service's own.
    system: int = 10

    @property
    def max_connections(self) -> int:
        """max_connections of the database."""
        return self.ingest + self.analysts + self.operators + self.system

    @property
    def max_concurrency(self) -> int:
        """Invocations at a time: each environment holds one connection, and during a deploy old ones live on."""
        return max(self.ingest // 2, 2)
