"""Prints a run, and a stack that is up, for people."""

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from local.background import Counts
from local.outcome import Outcome
from local.state import Description
from ops.tables import shorten_id
from ops.wrapping import wrap

if TYPE_CHECKING:
    from local.outcome import Row
    from ops.output import Output

ID = "sample-id"
SAMPLE_BODY = (
    '{"user_id": "me", "device_type": "ios", "ip": "192.0.2.1", "device_id": "1", "locale": null, "app_version": "2.3"}'
)


def print_outcome(output: "Output", outcome: Outcome, psql: str) -> None:
    """Prints the summary of a run; `psql` is the command to look further."""
    output.line("")
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
    ]
    if outcome.messages != outcome.sent:
        lines.insert(1, ("  in messages", outcome.messages))
    if outcome.refused:
        lines.insert(1, ("refused by SQS", outcome.refused))
    if outcome.failed_batches:
        lines.append(("batches that the function failed on", outcome.failed_batches))
    if outcome.lost:
        lines.append(("neither written nor rejected", outcome.lost))
    output.numbers(lines)
    output.line(f"in {outcome.seconds:.1f} s\n")
    tables: tuple[tuple[str, tuple[str, ...], list[Row]], ...] = (
        (
            f"user_logins, {len(outcome.rows)} of {outcome.written:,} rows",
            ("create_date", "user_id", "device_type", "masked_ip", "masked_device_id", "locale", "app_version"),
            outcome.rows,
        ),
        ("shared_devices, the most frequent", ("masked_device_id", "users", "logins"), outcome.shared_devices),
        ("shared_ips, the most frequent", ("masked_ip", "users", "logins"), outcome.shared_ips),
    )
    for title, columns, rows in tables:
        if rows:
            output.table(title, columns, [[_cell(value) for value in row] for row in rows])
    output.line(f"\nLook further:  {psql}")


def _cell(value: object) -> object:
    if value is None:
        return "null"
    return shorten_id(value) if isinstance(value, str) else value


def _dead_letters_come(description: Description) -> str:
    if description.quarantine:
        return "gets rejected events at once, with the reason"
    minutes = description.visibility_seconds * description.max_receives / 60
    return f"takes what was rejected, after {description.max_receives} receives or {minutes:.1f} minutes"


def print_description(output: "Output", description: Description, directory: Path) -> None:
    """Prints how to reach a stack that is up."""
    lines = [
        ("AWS endpoint", description.aws["AWS_ENDPOINT_URL"]),
        ("queue", description.queue),
        ("dead-letter queue", description.dead_letter_queue),
        ("", _dead_letters_come(description)),
        ("envelope", description.envelope),
        ("salt parameter", description.salt_parameter),
        ("database", _url(description.logins["analyst"])),
        ("  as reader", _url(description.logins["reader"])),
        ("logs", str(directory)),
    ]
    if description.vault_key is not None:
        lines.insert(6, ("vault key", description.vault_key))
    output.line("The stack is up: what is sent to the queue arrives as rows of user_logins.\n")
    for name, value in lines:
        output.line(f"{name:<19}{value}")
    output.line("\nSend an event with the AWS CLI:\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        output.line(f"export {name}={description.aws[name]}")
    group = " --message-group-id 1 --message-deduplication-id $RANDOM" if description.is_fifo else ""
    body = SAMPLE_BODY
    if description.envelope != "none":
        # Each sent event needs a new id, because the same id would be the same event.
        body = wrap(body, description.envelope, ID, int(time.time() * 1000)).replace(ID, "'$RANDOM-$RANDOM'")
    output.line(
        f"aws sqs send-message --endpoint-url {description.aws['AWS_ENDPOINT_URL']} \\\n"
        f"  --queue-url {description.queue}{group} \\\n  --message-body '{body}'\n"
    )
    for name, command in (
        ("Look at the rows", "psql"),
        ("See how many there are", "status"),
        ("Check the set-up", "doctor"),
        ("Use it in other programs", "env"),
        ("End it", "down"),
    ):
        output.line(f"{name + ':':<27}loginpipe {command}")


def _url(login: dict[str, str]) -> str:
    return (
        f"postgresql://{login['PGUSER']}:{quote(login['PGPASSWORD'])}@{login['PGHOST']}:{login['PGPORT']}"
        f"/{login['PGDATABASE']}"
    )


def print_counts(output: "Output", counts: Counts) -> None:
    """Prints how many messages a stack that is up holds, and where."""
    output.line("")
    output.numbers(
        [
            ("rows of user_logins", counts.rows),
            ("rejected", counts.rejects),
            ("in the queue, about", counts.waiting),
            ("being delivered, or waiting for their next delivery, about", counts.in_flight),
            ("in the dead-letter queue, about", counts.dead_letters),
        ],
    )
