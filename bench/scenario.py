"""What the simulation is given and what it gives: costs, a scenario, an outcome."""

import math
from dataclasses import dataclass, field

from bench.prices import BYTES_AN_EVENT
from ops.sqs_event import LARGEST_PAYLOAD

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
FIRST_POLLERS = 5
MOST_POLLERS = 1_250
# Provisioned pollers make 10 calls a second. AWS publishes no number for pollers of standard mode: the same is assumed.
CALLS_A_SECOND = 10


@dataclass(frozen=True)
class Costs:
    """Seconds, measured: for a batch, and for each of its events."""

    function_batch: float
    function_event: float
    postgres_batch: float
    postgres_event: float
    cold_start: float


@dataclass(frozen=True)
class Scenario:
    """What is simulated."""

    name: str
    rate: float  # events a second
    seconds: float = 120.0
    burst: int = 0  # messages that lie in the queue at the start
    batch_size: int = 1_000
    window: float = 5.0
    most_pollers: int = MOST_POLLERS  # MaximumConcurrency
    provisioned: int = 0  # pollers of provisioned mode; 0: standard mode
    first_pollers: int = FIRST_POLLERS
    processors: int = 2  # of Postgres
    round_trip: float = 0.001  # function to Postgres and back, 2 a batch
    call_seconds: float = 1 / CALLS_A_SECOND  # from one receive of a poller to its next
    delete_seconds: float = 0.0  # of a poller for each ten messages that are done
    events_a_message: int = 1
    bunch: int = 1  # calls of a poller that are simulated as one: for rates that would take long

    @property
    def message_bytes(self) -> int:
        """Of a message's body."""
        return self.events_a_message * BYTES_AN_EVENT

    @property
    def most_messages(self) -> int:
        """In a batch: it also closes at the largest payload of an invocation."""
        return min(self.batch_size, LARGEST_PAYLOAD // self.message_bytes)


@dataclass
class Outcome:
    """What came of it."""

    latencies: list[tuple[float, int]] = field(default_factory=list)  # seconds, messages
    batches: int = 0
    receives: int = 0  # requests of the pollers, as billed
    busy: float = 0.0  # seconds that the function ran, all environments together
    most_connections: int = 0
    backlog: list[tuple[float, int]] = field(default_factory=list)
    postgres_busy: float = 0.0
    ended: float = 0.0

    @property
    def messages(self) -> int:
        """How many were written."""
        return sum(count for _, count in self.latencies)

    def latency(self, share: float) -> float:
        """Seconds from the queue to the COMMIT that this share of the messages did not exceed."""
        wanted = share * self.messages
        for seconds, count in sorted(self.latencies):
            wanted -= count
            if wanted <= 0:
                return seconds
        return math.nan
