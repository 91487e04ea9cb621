"""The parts of the page about scale: many writers, a growing table."""

from collections.abc import Iterator

from bench.names import LIMIT, OURS
from bench.report.tables import Results, table


def describe_writers(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## Writers at once"
    yield ""
    yield "Rows a second of so many processes on the machine, batches of 1,000; Postgres shares the processors."
    yield ""
    rows = [(count, f"{cell[OURS]:,}", f"{cell[LIMIT]:,}") for count, cell in part.items()]
    yield from table(("writers", OURS, LIMIT), rows)


def describe_growth(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
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
    yield from table(("million", *part), rows)
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
        yield from table(("query", "seconds", f"after {sharing['new_logins']:,} more logins"), rows)
    plan = next(iter(part.values()))["sharing"]
    yield ""
    yield f"Plan of `{plan['explained']}`, partitions left out:"
    yield ""
    yield "```"
    yield from plan["plan"]
    yield "```"
