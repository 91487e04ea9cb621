"""What a person sees of a run, and of a stack that is up."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.background import Counts, Description
from local.run import Outcome, Row

CHARACTERS_SHOWN = 13  # of pseudonyms and user ids, so that a row fits on a line
SAMPLE_BODY = (
    '{"user_id": "me", "device_type": "ios", "ip": "192.0.2.1", "device_id": "1", "locale": null, "app_version": "2.3"}'
)


def print_outcome(console: Console, outcome: Outcome, psql: str) -> None:
    """Prints the summary of a run; `psql` is the command to look further."""
    console.print()
    lines = [
        ("sent", outcome.sent),
        ("written", outcome.written),
        ("  different devices", outcome.devices),
        ("  different addresses", outcome.ips),
        ("  without a locale", outcome.null_locales),
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
    if outcome.lost:
        lines.append(("neither written nor rejected", outcome.lost))
    _print_numbers(console, lines)
    console.print(f"in {outcome.seconds:.1f} s\n")
    titles: tuple[str, ...]
    if outcome.rows:
        titles = ("create_date", "user_id", "device_type", "masked_ip", "masked_device_id", "locale", "app_version")
        console.print(_table(f"user_logins, {len(outcome.rows)} of {outcome.written:,} rows", titles, outcome.rows))
    if outcome.shared_devices:
        titles = ("masked_device_id", "users", "logins")
        console.print(_table("shared_devices, the most frequent", titles, outcome.shared_devices))
    if outcome.shared_ips:
        console.print(_table("shared_ips, the most frequent", ("masked_ip", "users", "logins"), outcome.shared_ips))
    console.print(Text.assemble("\nLook further:  ", (psql, "bold")))


def print_description(console: Console, description: Description, directory: Path) -> None:
    """Prints how to reach a stack that is up."""
    pg = description.postgres
    url = f"postgresql://{pg['PGUSER']}:{quote(pg['PGPASSWORD'])}@{pg['PGHOST']}:{pg['PGPORT']}/{pg['PGDATABASE']}"
    send = f"aws sqs send-message --queue-url {description.queue} \\\n  --message-body '{SAMPLE_BODY}'"
    variables = "\n".join(f"export {name}={value}" for name, value in description.aws.items())
    minutes = description.visibility_seconds * description.max_receives / 60
    text = Text()
    text.append("The stack is up: what is sent to the queue arrives as rows of user_logins.\n\n", "bold")
    for name, value in (
        ("AWS endpoint", description.aws["AWS_ENDPOINT_URL"]),
        ("queue", description.queue),
        ("dead-letter queue", description.dead_letter_queue),
        ("", f"takes what was rejected, after {description.max_receives} receives or {minutes:.1f} minutes"),
        ("database", url),
        ("logs", str(directory)),
    ):
        text.append(f"{name:<19}{value}\n")
    text.append("\nSend an event with the AWS CLI:\n\n")
    text.append(f"{variables}\n{send}\n\n", "bold")
    for name, command in (("Look at the rows", "psql"), ("See how many there are", "status"), ("End it", "down")):
        text.append(f"{name + ':':<25}").append(f"make {command}\n", "bold")
    console.print(text, soft_wrap=True, end="")


def print_counts(console: Console, counts: Counts) -> None:
    """Prints how many messages a stack that is up holds, and where."""
    console.print()
    _print_numbers(
        console,
        [
            ("rows of user_logins", counts.rows),
            ("rejected", counts.rejects),
            ("in the queue, about", counts.waiting),
            ("being delivered, or waiting for their next delivery, about", counts.in_flight),
            ("in the dead-letter queue, about", counts.dead_letters),
        ],
    )


def _print_numbers(console: Console, lines: Sequence[tuple[str, int]]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right", style="bold")
    for name, number in lines:
        table.add_row(name, f"{number:,}")
    console.print(table)


def _table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in ("users", "logins") else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(column, value) for column, value in zip(columns, row, strict=True)))
    return table


def _cell(column: str, value: object) -> Text:
    if value is None:
        return Text("null", style="dim")
    text = str(value)
    is_long = column == "user_id" or column.startswith("masked_")
    return Text(f"{text[:CHARACTERS_SHOWN]}…" if is_long and len(text) > CHARACTERS_SHOWN else text)
