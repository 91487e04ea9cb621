"""How often and how long a message is tried: the settings of queue and event source that depend on each other."""

import math
from dataclasses import dataclass

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the timeout, plus the window;
# and at least five receives before the dead-letter queue, or throttling alone can move messages there.
TIMEOUTS_PER_VISIBILITY = 6
MIN_RECEIVES = 5
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
MAX_RECEIVES = 1000
QUEUE_RETENTION_DAYS = 7
# One day of the queue's retention is left to catch up after an outage.
MAX_OUTAGE_MINUTES = (QUEUE_RETENTION_DAYS - 1) * 24 * 60
# With quarantine, only infrastructure failures count towards maxReceiveCount, so it can be high. Without quarantine, a
# rejected message reaches the dead-letter queue only after maxReceiveCount deliveries. A count that survives a longer
# outage delays that.
OUTAGE_MINUTES = 12 * 60
OUTAGE_MINUTES_WITHOUT_QUARANTINE = 30
# A message keeps its first timestamp in the dead-letter queue, so the time in the queue counts towards these days.
DEAD_LETTER_RETENTION_DAYS = 14


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The delivery settings that follow from the function's timeout, the batch window and the outage to survive.

    `quarantine` says whether the function sends rejected messages to the dead-letter queue itself. If `outage_minutes`
    is None, its value follows from `quarantine`.
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
        """Visibility timeout of the queue, in seconds; longer than AWS's rule if 1000 receives would not be enough."""
        rule = TIMEOUTS_PER_VISIBILITY * self.timeout_seconds + self.window_seconds
        return max(rule, math.ceil(self.outage_seconds / MAX_RECEIVES))

    @property
    def max_receive_count(self) -> int:
        """The maxReceiveCount: multiplied by the visibility timeout, it covers the outage."""
        return min(max(math.ceil(self.outage_seconds / self.visibility_seconds), MIN_RECEIVES), MAX_RECEIVES)

    @property
    def late_seconds(self) -> int:
        """Age in seconds from which the oldest message is late: two failed attempts, but at least a quarter hour."""
        return max(900, 2 * self.visibility_seconds + self.window_seconds)


@dataclass(frozen=True, kw_only=True)
class ConnectionBudget:
    """How the connections of the database are divided."""

    ingest: int
    analysts: int = 40
    operators: int = 20
    # superuser_reserved_connections, rds.rds_superuser_reserved_connections and the service's own.
    system: int = 10

    @property
    def max_connections(self) -> int:
        """max_connections of the database."""
        return self.ingest + self.analysts + self.operators + self.system

    @property
    def max_concurrency(self) -> int:
        """Concurrent invocations: half of the connections, because old environments keep theirs during a deploy."""
        return max(self.ingest // 2, 2)
