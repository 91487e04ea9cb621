"""What a person sees of a run."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from local.run import Outcome, Row

PSEUDONYM_SHOWN = 16  # characters


def print_outcome(console: Console, outcome: Outcome, psql: str) -> None:
    """Prints the summary of a run; `psql` is the command to look further."""
    console.print(_summary(outcome))
    if outcome.rows:
        titles = ("create_date", "user_id", "device_type", "masked_ip", "masked_device_id", "locale", "app_version")
        console.print(_table(f"user_logins, {len(outcome.rows)} of {outcome.written:,}", titles, outcome.rows))
    if outcome.shared_devices:
        console.print(_table("shared_devices", ("masked_device_id", "users", "logins"), outcome.shared_devices))
    if outcome.shared_ips:
        console.print(_table("shared_ips", ("masked_ip", "users", "logins"), outcome.shared_ips))
    console.print(Text.assemble("\nLook further:  ", (psql, "bold")))


def _summary(outcome: Outcome) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="left")
    table.add_column(justify="right", style="bold")
    lines = [
        ("sent", outcome.sent),
        ("written", outcome.written),
        ("duplicates ignored", outcome.duplicates),
        ("rejected", sum(outcome.rejects.values())),
        *((f"  {reason}", count) for reason, count in outcome.rejects.items()),
        ("in the dead-letter queue", outcome.dead_letters),
        ("on the way there", outcome.on_the_way),
    ]
    if outcome.refused:
        lines.insert(1, ("refused by SQS", outcome.refused))
    if outcome.failed_batches:
        lines.append(("batches that the function failed on", outcome.failed_batches))
    if outcome.unsettled:
        lines.append(("neither written nor rejected", outcome.unsettled))
    for name, count in lines:
        table.add_row(name, f"{count:,}")
    return Group(Text(), table, Text(f"in {outcome.seconds:.1f} s"))


def _table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        numeric = column in ("users", "logins")
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(column, value) for column, value in zip(columns, row, strict=True)))
    return table


def _cell(column: str, value: object) -> Text:
    if value is None:
        return Text("null", style="dim")
    text = str(value)
    return Text(f"{text[:PSEUDONYM_SHOWN]}…" if column.startswith("masked_") else text)
