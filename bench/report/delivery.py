"""The parts of the page about delivery: several events in a message, the simulation."""

from collections.abc import Iterator

from bench.report.tables import Results, table


def describe_packing(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## Events in a message"
    yield ""
    yield (
        f"Events of {part['bytes_an_event']} bytes, from the producer to the row on this machine: emulator, event "
        "source and function share its processors. Requests as AWS would bill them, counted at the client."
    )
    yield ""
    rows = [
        (
            pack,
            f"{cell['messages']:,}",
            f"{cell['events_a_second']:,}",
            ", ".join(f"{count:,} to {kind}" for kind, count in cell["requests"].items()),
            cell["events_a_request"],
            f"{cell['queue_a_million']:.4f}",
        )
        for pack, cell in part.items()
        if pack != "bytes_an_event"
    ]
    head = ("events in a message", "messages", "events a second", "requests", "events a request", "SQS, US$ a million")
    yield from table(head, rows)


def describe_simulation(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## Simulation"
    yield ""
    rows = [
        (
            name,
            *(f"{seconds} s" for seconds in cell["latency"].values()),
            f"{cell['messages_a_batch'] * cell['events_a_message']:,.0f}",
            cell["most_connections"],
            f"{cell['most_backlog']:,}",
            f"{cell['postgres_load']:.1%} of {cell['processors']}",
            f"{cell['price']['total']:,.0f}",
            f"{cell['price']['delivery_a_million']:.3f}",
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
        "US$ a million events, of SQS, Lambda and KMS",
    )
    yield from table(head, rows)


def describe_check(part: Results) -> Iterator[str]:
    """Yield the lines of this part."""
    yield "## Simulation beside a measured run"
    yield ""
    rows = [(name, value, part["simulated"][name]) for name, value in part["measured"].items()]
    yield from table(("", "measured", "simulated"), rows)
