"""One sample of a pipeline, as plain data."""

from dataclasses import dataclass, field
from typing import Protocol

from ops.operations.pulses import Pulse

WRITE_TIME = "WriteMilliseconds"
# The function's metric whose values add up to each of `Counts`; batches are the number of values of WRITE_TIME.
SUMS = {
    "duplicates": "DuplicatesIgnored",
    "rejected": "RecordsRejected",
    "failed": "RecordsFailed",
    "write_milliseconds": WRITE_TIME,
}


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
    """The function's totals: events, batches, and the milliseconds of all writes."""

    duplicates: float = 0
    rejected: float = 0
    failed: float = 0
    batches: float = 0
    write_milliseconds: float = 0


@dataclass(frozen=True)
class Metrics:
    """Figures that only metrics hold. `counts` covers a period, or without one, all time so far."""

    counts: Counts
    period_seconds: float | None
    age_seconds: float | None  # seconds since the end of the period
    oldest_seconds: float | None  # age of the oldest message
    last_error: FunctionError | None


class MetricsSource(Protocol):
    """A source of metrics: the local stack, or CloudWatch."""

    def read(self) -> Metrics:
        """Returns the newest metrics; raises PipelineError, OSError, BotoCoreError or ClientError."""


@dataclass(frozen=True)
class Sample:
    """A sample taken at `at`, in seconds since 1970; None for unknown figures.

    `troubles` holds the error of each part that did not answer.
    """

    at: float
    queue: QueueFigures | None = None
    database: Pulse | None = None
    metrics: Metrics | None = None
    troubles: dict[str, str] = field(default_factory=dict)
