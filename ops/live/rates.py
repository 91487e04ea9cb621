"""Computes rates per second from two samples of one pipeline."""

from dataclasses import dataclass, field, fields

from ops.live.sample import Counts, Metrics, Sample


@dataclass(frozen=True)
class Rates:
    """Figures per second; None if two samples are not enough. `new_rejects` counts since the previous sample."""

    rows: float | None = None
    waiting: float | None = None  # how fast the queue grows; negative where it shrinks
    empty_in_seconds: float | None = None
    duplicates: float | None = None
    rejected: float | None = None
    failed: float | None = None
    write_milliseconds: float | None = None  # of a batch, on average
    new_dead_letters: int | None = None
    new_rejects: dict[str, int] = field(default_factory=dict)


def get_rates(before: Sample | None, after: Sample) -> Rates:
    """Returns the rates at the time of `after`; `before` is None for the first sample."""
    growth = _growth(before, after)
    counts, seconds = _counts(before, after)
    return Rates(
        rows=after.database["rows"] / after.database["rows_seconds"] if after.database else None,
        waiting=growth,
        empty_in_seconds=after.queue.waiting / -growth if after.queue and growth is not None and growth < 0 else None,
        duplicates=counts.duplicates / seconds if counts else None,
        rejected=counts.rejected / seconds if counts else None,
        failed=counts.failed / seconds if counts else None,
        write_milliseconds=counts.write_milliseconds / counts.batches if counts and counts.batches else None,
        new_dead_letters=(
            after.queue.dead_letters - before.queue.dead_letters if before and before.queue and after.queue else None
        ),
        new_rejects=_new_rejects(before, after),
    )


def _growth(before: Sample | None, after: Sample) -> float | None:
    if before is None or before.queue is None or after.queue is None or after.at <= before.at:
        return None
    return (after.queue.waiting - before.queue.waiting) / (after.at - before.at)


def _counts(before: Sample | None, after: Sample) -> tuple[Counts | None, float]:
    """Returns the function's work and its seconds; None if nothing is known."""
    newest = after.metrics
    if newest is None:
        return None, 1.0
    if newest.period_seconds is not None:
        return newest.counts, newest.period_seconds
    earlier = before.metrics if before else None
    if before is None or earlier is None or after.at <= before.at:
        return None, 1.0
    return _difference(earlier, newest), after.at - before.at


def _difference(earlier: Metrics, newest: Metrics) -> Counts | None:
    """Returns the increase; None if the function's log was restarted in between."""
    added = {
        each.name: getattr(newest.counts, each.name) - getattr(earlier.counts, each.name) for each in fields(Counts)
    }
    return None if any(value < 0 for value in added.values()) else Counts(**added)


def _new_rejects(before: Sample | None, after: Sample) -> dict[str, int]:
    if before is None or before.database is None or after.database is None:
        return {}
    known = {row["reason"]: row["events"] for row in before.database["rejects"]}
    added = {row["reason"]: row["events"] - known.get(row["reason"], 0) for row in after.database["rejects"]}
    return {reason: count for reason, count in added.items() if count > 0}
