"""Draws a sample for `top`: lines of name, figure and note, which fit into 60 columns."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ops.live.rates import Rates
from ops.live.sample import Metrics, Sample
from ops.output import age
from ops.tables import clean

REJECTS_SHOWN = 5
ERROR_SHOWN = 90  # characters; --json has them all
UNKNOWN = "-"
CROWDED = 0.8  # of the connections
MEBIBYTE = 1 << 20
NAME_WIDTH, FIGURE_WIDTH = 14, 12


@dataclass(frozen=True)
class Line:
    """A figure; without one, a heading. `style` is of the figure."""

    name: str
    figure: str = ""
    note: str = ""
    style: str = "bold"


def draw(sample: Sample, rates: Rates, title: str) -> RenderableType:
    """Draws the whole view, without the line about keys."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=NAME_WIDTH, no_wrap=True)
    table.add_column(min_width=FIGURE_WIDTH, no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for line in get_lines(sample, rates):
        name = Text(line.name, "" if line.name.startswith(" ") else "bold")
        table.add_row(name, Text(line.figure, line.style), Text(clean(line.note), "dim"))
    troubles = [
        Text(f"No answer ({part}): {clean(text)}", "bold red", overflow="fold")
        for part, text in sample.troubles.items()
    ]
    return Group(Text(title, "bold"), *troubles, table)


def get_lines(sample: Sample, rates: Rates) -> list[Line]:
    """Yields the figures from top to bottom."""
    return [
        Line("Queue"),
        *_queue_lines(sample, rates),
        Line("Database"),
        *_database_lines(sample, rates),
        Line("Function", note=_describe_age(sample.metrics)),
        *_function_lines(sample, rates),
        *_reject_lines(sample, rates),
    ]


def _queue_lines(sample: Sample, rates: Rates) -> Iterator[Line]:
    queue, metrics = sample.queue, sample.metrics
    growth = f"{rates.waiting:+,.0f} a second" if rates.waiting and round(rates.waiting) else ""
    if growth and rates.empty_in_seconds is not None:
        growth += f", empty in {age(rates.empty_in_seconds)}"
    yield Line("  waiting", f"{queue.waiting:,}" if queue else UNKNOWN, growth)
    yield Line("  in flight", f"{queue.in_flight:,}" if queue else UNKNOWN)
    oldest = metrics.oldest_seconds if metrics else None
    yield Line("  oldest", UNKNOWN if oldest is None else age(oldest))
    dead = queue.dead_letters if queue else 0
    added = f"{rates.new_dead_letters:+,}" if rates.new_dead_letters else ""
    yield Line("  dead letters", f"{dead:,}" if queue else UNKNOWN, added, "bold red" if dead else "bold")


def _function_lines(sample: Sample, rates: Rates) -> Iterator[Line]:
    yield Line("  duplicates", _per_second(rates.duplicates))
    yield Line("  rejected", _per_second(rates.rejected), "deliveries" if rates.rejected else "")
    yield Line("  failed", _per_second(rates.failed), style="bold red" if rates.failed else "bold")
    write = rates.write_milliseconds
    yield Line("  write time", UNKNOWN if write is None else f"{write:,.0f} ms", "" if write is None else "a batch")
    error = sample.metrics.last_error if sample.metrics else None
    if error is None:
        yield Line("  last error", "none" if sample.metrics else UNKNOWN)
        return
    day, _, moment = error.at.partition("T")
    text = error.text if len(error.text) <= ERROR_SHOWN else f"{error.text[:ERROR_SHOWN]}…"
    yield Line("  last error", moment, f"{day}: {text}", "bold red")


def _database_lines(sample: Sample, rates: Rates) -> Iterator[Line]:
    database = sample.database
    yield Line("  rows", _per_second(rates.rows), f"in the last {database['rows_seconds']} s" if database else "")
    is_crowded = database is not None and database["connections"] > CROWDED * database["most_connections"]
    yield Line(
        "  connections",
        f"{database['connections']:,}" if database else UNKNOWN,
        f"of {database['most_connections']:,}" if database else "",
        "bold red" if is_crowded else "bold",
    )
    yield Line("  size", f"{database['bytes'] / MEBIBYTE:,.1f} MiB" if database else UNKNOWN)


def _reject_lines(sample: Sample, rates: Rates) -> Iterator[Line]:
    """Yields the most frequent reasons, and the number of events of all others."""
    database = sample.database
    if database is None:
        yield Line("Rejects", UNKNOWN)
        return
    rejects = database["rejects"]
    total = sum(row["events"] for row in rejects)
    yield Line(
        "Rejects", f"{total:,}", f"{'event' if total == 1 else 'events'} within {age(database['rejects_seconds'])}"
    )
    for row in rejects[:REJECTS_SHOWN]:
        added = rates.new_rejects.get(row["reason"], 0)
        yield Line("", f"{row['events']:,}", row["reason"] + (f", {added:+,}" if added else ""))
    if rest := sum(row["events"] for row in rejects[REJECTS_SHOWN:]):
        yield Line("", f"{rest:,}", "for other reasons")


def _describe_age(metrics: Metrics | None) -> str:
    """Returns the age of CloudWatch's figures; nothing for local metrics, which are current."""
    if metrics is None or not metrics.age_seconds or metrics.period_seconds is None:
        return ""
    return f"CloudWatch, {age(metrics.period_seconds)} that ended {age(metrics.age_seconds)} ago"


def _per_second(rate: float | None) -> str:
    if rate is None:
        return UNKNOWN
    return f"{rate:,.1f}/s" if 0 < rate < 10 else f"{rate:,.0f}/s"  # noqa: PLR2004  below, the tenths matter
