"""The parts of the page about batches: the limit, throughput, repeats and rejects, the vault."""

from collections.abc import Iterator

from bench.names import LIMIT, OURS
from bench.report.tables import Results, milliseconds, table, times


def describe_limit(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## The limit"
    yield ""
    yield "The function beside a raw COPY of finished rows, turn by turn; milliseconds a batch (best / median)."
    yield "A table in use has 300,000 rows of the month before the first round."
    yield ""
    rows = []
    for state, sizes in part.items():
        for size, ways in sizes.items():
            limit, ours = ways[LIMIT], ways[OURS]
            rows.append((state, f"{int(size):,}", milliseconds(limit), milliseconds(ours), *times(limit, ours)))
    yield from table(("table", "batch", LIMIT, OURS, "share, best", "share, median"), rows)


def describe_throughput(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## Throughput"
    yield ""
    yield "Events a second from Lambda event to committed rows, in a table with 300,000 rows of the month;"
    yield "in brackets the share of a raw COPY of finished rows."
    yield ""
    sizes = list(part["sizes"])
    names = dict.fromkeys(name for ways in part["sizes"].values() for name in ways)
    rows = []
    for name in names:
        cells = []
        for size in sizes:
            ways = part["sizes"][size]
            if name not in ways:
                cells.append("-")
                continue
            share = ways[LIMIT]["best"] / ways[name]["best"]
            cells.append(f"{int(size) / ways[name]['best']:,.0f} ({share:.2f})")
        rows.append((f"**{name}**" if name == OURS else name, *cells, ", ".join(part["lacks"].get(name, []))))
    yield from table(("way", *(f"{int(size):,}" for size in sizes), "does without"), rows)
    yield ""
    yield "The same by the median round, in microseconds an event:"
    yield ""
    rows = [
        (name, *(f"{part['sizes'][size][name]['median'] / int(size) * 1e6:.1f}" for size in sizes))
        for name in (LIMIT, OURS)
    ]
    yield from table(("way", *(f"{int(size):,}" for size in sizes)), rows)


def describe_mixed(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## Repeats and rejects"
    yield ""
    yield "Events a second; in brackets the share of a raw COPY of as many fresh rows."
    yield ""
    names = list(next(iter(part.values())))
    rows = [
        (
            name,
            *(
                f"{int(size) / ways[name]['best']:,.0f} ({ways[LIMIT]['best'] / ways[name]['best']:.2f})"
                for size, ways in part.items()
            ),
        )
        for name in names
    ]
    yield from table(("batch", *(f"{int(size):,}" for size in part)), rows)


def describe_sealing(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## The vault"
    yield ""
    yield "Milliseconds a batch (best / median), without and with the originals sealed."
    yield ""
    rows = [
        (
            f"{int(size):,}",
            milliseconds(ways["without"]),
            milliseconds(ways["with"]),
            *times(ways["with"], ways["without"]),
        )
        for size, ways in part.items()
    ]
    yield from table(("batch", "without", "with", "times, best", "times, median"), rows)
