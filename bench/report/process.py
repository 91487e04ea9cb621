"""The parts of the page about one process: CPU, cold start, memory."""

from collections.abc import Iterator

from bench.report.tables import Results, table


def describe_cpu(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## CPU of an event, without the database"
    yield ""
    rows = [(name, f"{s['best'] * 1e6:.2f}", f"{s['median'] * 1e6:.2f}") for name, s in part["stages"].items()]
    yield from table(("stage", "best µs", "median µs"), rows)
    yield ""
    yield f"All in all {part['ratio']} times the sum of both references (goal: {part['goal']}). The profile:"
    yield ""
    yield f"```\n{part['profile']}\n```"


def describe_cold_start(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## Cold start"
    yield ""
    rows = [
        (f"import {name}", f"{s['best'] * 1e3:.0f}", f"{s['median'] * 1e3:.0f}") for name, s in part["imports"].items()
    ]
    rows += [(name, f"{s['best'] * 1e3:.1f}", f"{s['median'] * 1e3:.1f}") for name, s in part["steps"].items()]
    yield from table(("step", "best ms", "median ms"), rows)
    yield ""
    heavy = ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in part["heavy"].items())
    yield f"The handler's import is {part['ratio']} times boto3's. What it imports, ms (`-X importtime`): {heavy}."
    if part["bundle"]:
        largest = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in part["bundle"]["largest"].items())
        yield ""
        yield f"The bundle has {part['bundle']['bytes'] / 1e6:.1f} MB unzipped: {largest}, …"


def describe_memory(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## Memory"
    yield ""
    rows = [(f"{int(size):,}", cell["idle"], cell["event"], cell["peak"]) for size, cell in part.items()]
    yield from table(
        ("batch", "idle process, MB", "the event alone, above it", "peak of the invocation, above it"), rows
    )
