"""What one look at a pipeline finds, as plain data."""

from dataclasses import dataclass, field
from typing import Protocol

from ops.operations.pulses import Pulse


@dataclass(frozen=True)
class QueueFigures:
    """Messages, as SQS estimates them."""

    waiting: int
    in_flight: int
    dead_letters: int


@dataclass(frozen=True)
class FunctionError:
    """The last error of the function; `at` is RFC 3339 in UTC."""

    at: str
    text: str


@dataclass(frozen=True)
class Counts:
    """What the function says of its batches: events, batches, and the milliseconds of all writes."""

    duplicates: float = 0
    rejected: float = 0
    failed: float = 0
    batches: float = 0
    write_milliseconds: float = 0


@dataclass(frozen=True)
class Metrics:
    """What only metrics know. `counts` are those of a period, or where there is none, of all time so far."""

    counts: Counts
    period_seconds: float | None
    age_seconds: float | None  # how long ago the period ended
    oldest_seconds: float | None  # age of the oldest message
    last_error: FunctionError | None


class MetricsSource(Protocol):
    """Where metrics come from: the local stack, or CloudWatch."""

    def read(self) -> Metrics:
        """The newest metrics; raises PipelineError, OSError, BotoCoreError or ClientError."""


@dataclass(frozen=True)
class Sample:
    """What was found at `at`, in seconds since 1970; None for what is not known.

    `troubles` says of each part that did not answer why.
    """

    at: float
    queue: QueueFigures | None = None
    database: Pulse | None = None
    metrics: Metrics | None = None
    troubles: dict[str, str] = field(default_factory=dict)
