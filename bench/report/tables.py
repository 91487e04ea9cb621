"""Tables in Markdown, and the cells that several of them have."""

from collections.abc import Iterable, Iterator
from typing import Any

Results = dict[str, Any]


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a table."""
    titles = list(head)
    yield "| " + " | ".join(map(str, titles)) + " |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"


def milliseconds(sample: dict[str, float]) -> str:
    """Return the best and the median round of a sample."""
    return f"{sample['best'] * 1e3:.2f} / {sample['median'] * 1e3:.2f}"


def times(sample: dict[str, float], unit: dict[str, float]) -> tuple[str, str]:
    """Return how many times the unit a sample takes: for the best rounds, and for the medians."""
    return f"{sample['best'] / unit['best']:.2f}", f"{sample['median'] / unit['median']:.2f}"
