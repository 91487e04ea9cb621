"""The results for people: a page of tables in Markdown, from the JSON of a run."""

from collections.abc import Iterable, Iterator
from typing import Any

OURS, LIMIT = "this function", "raw COPY"
SHARE_OF_LIMIT = {"10": 0.8, "100": 0.8, "1000": 0.8, "10000": 0.9}
TIMES_THE_PEER = 2.0
IMPORT_RATIO = 1.3
BUNDLE_MEGABYTES = 35
MEMORY_MEGABYTES = 40
SEALING_RATIO = 2.0
GROWTH_RATIO = 1.3
QUERY_SECONDS = 2.0

Results = dict[str, Any]


def write_markdown(results: Results) -> str:
    """The whole page; parts that were not measured are left out."""
    writers = {
        "limit": _limit,
        "throughput": _throughput,
        "mixed": _mixed,
        "sealing": _sealing,
        "cpu": _cpu,
        "cold_start": _cold_start,
        "memory": _memory,
        "writers": _writers,
        "growth": _growth,
        "simulation": _simulation,
        "check": _check,
    }
    machine = results["machine"]
    lines = [
        "# Results",
        "",
        "Written by `make bench` and `make bench-growth` from results.json. Ratios are of the best rounds: other work",
        "on the machine only ever adds time. Medians and percentiles stand in the JSON.",
        "",
        *(f"- {name}: {value}" for name, value in machine.items()),
    ]
    for name, write in writers.items():
        if name in results:
            lines += ["", *write(results[name])]
    return "\n".join(lines) + "\n"


def goals(results: Results) -> list[tuple[str, str, str, bool]]:
    """What was to be reached, what was reached, and whether that is enough; of the parts that were measured."""
    return list(_goals(results))


def same_work(throughput: Results, size: str) -> dict[str, float]:
    """Best seconds a batch of the peers that leave nothing out."""
    ways = throughput["sizes"][size]
    return {name: ways[name]["best"] for name, lacks in throughput["lacks"].items() if not lacks and name in ways}


def _goals(results: Results) -> Iterator[tuple[str, str, str, bool]]:
    for state, sizes in results.get("limit", {}).items():
        for size, ways in sizes.items():
            share = ways[LIMIT]["best"] / ways[OURS]["best"]
            goal = SHARE_OF_LIMIT[size]
            what = f"share of a raw COPY, table {state}, batches of {int(size):,}"
            yield what, f"{goal}", f"{share:.2f}", share >= goal
    if throughput := results.get("throughput"):
        for size, ways in throughput["sizes"].items():
            times = min(same_work(throughput, size).values()) / ways[OURS]["best"]
            what = f"times the fastest peer that does the same work, batches of {int(size):,}"
            yield what, f"{TIMES_THE_PEER}", f"{times:.1f}", times >= TIMES_THE_PEER
    for size, ways in results.get("sealing", {}).items():
        ratio = ways["with"]["best"] / ways["without"]["best"]
        what = f"time with the vault, in times without, batches of {int(size):,}"
        yield what, f"{SEALING_RATIO}", f"{ratio:.2f}", ratio <= SEALING_RATIO
    if cpu := results.get("cpu"):
        what = "CPU of an event, in (msgspec decode + HMAC)"
        yield what, f"{cpu['goal']}", f"{cpu['ratio']}", cpu["ratio"] <= cpu["goal"]
    if cold := results.get("cold_start"):
        yield "import, in imports of boto3", f"{IMPORT_RATIO}", f"{cold['ratio']}", cold["ratio"] <= IMPORT_RATIO
        if cold["bundle"]:
            megabytes = cold["bundle"]["bytes"] / 1e6
            yield "bundle, MB", f"{BUNDLE_MEGABYTES}", f"{megabytes:.1f}", megabytes <= BUNDLE_MEGABYTES
    if memory := results.get("memory"):
        peak = memory["10000"]["peak"]
        yield "memory above idle at 10,000, MB", f"{MEMORY_MEGABYTES}", f"{peak}", peak <= MEMORY_MEGABYTES
    for name, growth in results.get("growth", {}).items():
        what = f"growth to {growth['rows']:,} rows ({name}), last to first million"
        yield what, f"{GROWTH_RATIO}", f"{growth['ratio']}", growth["ratio"] <= GROWTH_RATIO
        slowest = max(growth["sharing"]["seconds"].values())
        what = f"shared views at {growth['rows']:,} rows ({name}), slowest query, s"
        yield what, f"{QUERY_SECONDS}", f"{slowest}", slowest <= QUERY_SECONDS


def goals_table(results: Results) -> str:
    """The goals as Markdown."""
    rows = [(what, goal, found, "yes" if met else "**no**") for what, goal, found, met in _goals(results)]
    return "\n".join(_table(("what", "goal", "measured", "met"), rows))


def _milliseconds(sample: dict[str, float]) -> str:
    return f"{sample['best'] * 1e3:.2f} / {sample['median'] * 1e3:.2f}"


def _times(sample: dict[str, float], unit: dict[str, float]) -> tuple[str, str]:
    """One sample in times of another: of the best rounds, and of the medians."""
    return f"{sample['best'] / unit['best']:.2f}", f"{sample['median'] / unit['median']:.2f}"


def _limit(part: Results) -> Iterator[str]:
    yield "## The limit"
    yield ""
    yield "The function beside a raw COPY of finished rows, turn by turn; milliseconds a batch (best / median)."
    yield "A table in use has 300,000 rows of the month before the first round."
    yield ""
    rows = []
    for state, sizes in part.items():
        for size, ways in sizes.items():
            limit, ours = ways[LIMIT], ways[OURS]
            rows.append((state, f"{int(size):,}", _milliseconds(limit), _milliseconds(ours), *_times(limit, ours)))
    yield from _table(("table", "batch", LIMIT, OURS, "share, best", "share, median"), rows)


def _throughput(part: Results) -> Iterator[str]:
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
    yield from _table(("way", *(f"{int(size):,}" for size in sizes), "does without"), rows)
    yield ""
    yield "The same by the median round, in microseconds an event:"
    yield ""
    rows = [
        (name, *(f"{part['sizes'][size][name]['median'] / int(size) * 1e6:.1f}" for size in sizes))
        for name in (LIMIT, OURS)
    ]
    yield from _table(("way", *(f"{int(size):,}" for size in sizes)), rows)


def _mixed(part: Results) -> Iterator[str]:
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
    yield from _table(("batch", *(f"{int(size):,}" for size in part)), rows)


def _sealing(part: Results) -> Iterator[str]:
    yield "## The vault"
    yield ""
    yield "Milliseconds a batch (best / median), without and with the originals sealed."
    yield ""
    rows = [
        (
            f"{int(size):,}",
            _milliseconds(ways["without"]),
            _milliseconds(ways["with"]),
            *_times(ways["with"], ways["without"]),
        )
        for size, ways in part.items()
    ]
    yield from _table(("batch", "without", "with", "times, best", "times, median"), rows)


def _cpu(part: Results) -> Iterator[str]:
    yield "## CPU of an event, without the database"
    yield ""
    rows = [(name, f"{s['best'] * 1e6:.2f}", f"{s['median'] * 1e6:.2f}") for name, s in part["stages"].items()]
    yield from _table(("stage", "best µs", "median µs"), rows)
    yield ""
    yield f"All in all {part['ratio']} times the sum of both references (goal: {part['goal']}). The profile:"
    yield ""
    yield f"```\n{part['profile']}\n```"


def _cold_start(part: Results) -> Iterator[str]:
    yield "## Cold start"
    yield ""
    rows = [
        (f"import {name}", f"{s['best'] * 1e3:.0f}", f"{s['median'] * 1e3:.0f}") for name, s in part["imports"].items()
    ]
    rows += [(name, f"{s['best'] * 1e3:.1f}", f"{s['median'] * 1e3:.1f}") for name, s in part["steps"].items()]
    yield from _table(("step", "best ms", "median ms"), rows)
    yield ""
    heavy = ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in part["heavy"].items())
    yield f"The handler's import is {part['ratio']} times boto3's. What it imports, ms (`-X importtime`): {heavy}."
    if part["bundle"]:
        largest = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in part["bundle"]["largest"].items())
        yield ""
        yield f"The bundle has {part['bundle']['bytes'] / 1e6:.1f} MB unzipped: {largest}, …"


def _memory(part: Results) -> Iterator[str]:
    yield "## Memory"
    yield ""
    rows = [(f"{int(size):,}", cell["idle"], cell["event"], cell["peak"]) for size, cell in part.items()]
    yield from _table(
        ("batch", "idle process, MB", "the event alone, above it", "peak of the invocation, above it"), rows
    )


def _writers(part: Results) -> Iterator[str]:
    yield "## Writers at once"
    yield ""
    yield "Rows a second of so many processes on the machine, batches of 1,000; Postgres shares the processors."
    yield ""
    rows = [(count, f"{cell[OURS]:,}", f"{cell[LIMIT]:,}") for count, cell in part.items()]
    yield from _table(("writers", OURS, LIMIT), rows)


def _growth(part: Results) -> Iterator[str]:
    yield "## Growth"
    yield ""
    yield "Batches of 10,000 through the function; milliseconds of a batch (median / mean) for each million of rows."
    yield ""
    steps = max(len(growth["steps"]) for growth in part.values())
    rows = [
        (
            number + 1,
            *(
                f"{growth['steps'][number]['median'] * 1e3:.0f} / {growth['steps'][number]['mean'] * 1e3:.0f}"
                if number < len(growth["steps"])
                else "-"
                for growth in part.values()
            ),
        )
        for number in range(steps)
    ]
    yield from _table(("million", *part), rows)
    for name, growth in part.items():
        sharing = growth["sharing"]
        gigabytes = growth["gigabytes"]
        yield ""
        yield (
            f"{name}: last to first million {growth['ratio']} by median, {growth['mean_ratio']} by mean; "
            f"{gigabytes['table']} GB of rows, {gigabytes['indexes']} GB of indexes. `count_sharing()` took "
            f"{sharing['count_seconds']} s; {sharing['shared']['shared_devices']:,} devices and "
            f"{sharing['shared']['shared_ips']:,} addresses are shared."
        )
        yield ""
        rows = [
            (query, seconds, sharing["seconds_after_new_logins"][query])
            for query, seconds in sharing["seconds"].items()
        ]
        yield from _table(("query", "seconds", f"after {sharing['new_logins']:,} more logins"), rows)
    plan = next(iter(part.values()))["sharing"]
    yield ""
    yield f"Plan of `{plan['explained']}`, partitions left out:"
    yield ""
    yield "```"
    yield from plan["plan"]
    yield "```"


def _simulation(part: Results) -> Iterator[str]:
    yield "## Simulation"
    yield ""
    rows = [
        (
            name,
            *(f"{seconds} s" for seconds in cell["latency"].values()),
            f"{cell['messages_a_batch']:,}",
            cell["most_connections"],
            f"{cell['most_backlog']:,}",
            f"{cell['postgres_load']:.1%} of {cell['processors']}",
            f"{cell['price']['total']:,.0f}",
        )
        for name, cell in part["scenarios"].items()
    ]
    head = (
        "events",
        "median",
        "95 %",
        "99 %",
        "a batch",
        "connections",
        "backlog",
        "Postgres' processors",
        "US$ a month",
    )
    yield from _table(head, rows)


def _check(part: Results) -> Iterator[str]:
    yield "## Simulation beside a measured run"
    yield ""
    rows = [(name, value, part["simulated"][name]) for name, value in part["measured"].items()]
    yield from _table(("", "measured", "simulated"), rows)


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    titles = list(head)
    yield "| " + " | ".join(map(str, titles)) + " |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"
