"""`send` and `report`: events in and figures out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops import operations
from ops.errors import Exit, NothingFoundError, OpsError
from ops.event_files import STANDARD_INPUT, load_text, parse_items
from ops.output import counted, pick
from ops.report import render_html
from ops.sending import Journal, find_bad, send_items

if TYPE_CHECKING:
    from ops.commands.common import Session

SHOWN = 20  # bad lines; --json has them all


def send(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(allow_dash=True, help="JSON lines, a JSON array, or an SQS event; - reads standard input.")
    ],
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Send bad lines too, to try the dead letters.")
    ] = False,
) -> None:
    """Send events from a file to the queue.

    Lines that the pipeline would reject are reported with their number and reason, and not sent. How far it has come is
    noted beside the file (FILE.sending): interrupted at any moment, the same command goes on, and no event becomes two
    rows. Once all is sent the note is gone, and sending the file again means new events.

    Exit code 3 where some lines were bad or refused, 4 where the file holds no event.

    Example: loginpipe send logins.jsonl
    """
    session: Session = context.obj
    text = load_text(file)
    items = parse_items(file, text)
    if not items:
        raise NothingFoundError(f"{file} holds no events.")
    bad = [] if unchecked else find_bad(items)
    bad_numbers = {item.number for item in bad}
    good = [item for item in items if item.number not in bad_numbers]
    queue = session.target.queue
    journal = Journal.open(None if file == STANDARD_INPUT else file, f"{text}\0{unchecked}", queue.url)
    before = journal.sent
    if before:
        session.output.note(f"Going on where a sending was interrupted: {before:,} of {len(good):,} are sent.")
    with session.output.progress("sending", len(good)) as step:
        step(before)
        refused = list(send_items(good, queue, journal, step))
    result = {
        "sent": len(good) - before - len(refused),
        "sent_before": before,
        "bad": [item._asdict() for item in bad],
        "refused": [{"number": item.number, "code": code} for item, code in refused],
    }

    def print_lines() -> None:
        session.output.line(f"Sent {counted(len(good) - before - len(refused), 'event')}.")
        for line in bad[:SHOWN]:
            session.output.note(
                f"Line {line.number}: {line.reason}{f' ({line.field})' if line.field else ''}; not sent"
            )
        if len(bad) > SHOWN:
            session.output.note(f"… and {counted(len(bad) - SHOWN, 'more bad line')} (--json names all).")
        for item, code in refused:
            session.output.note(f"Line {item.number}: SQS refused it ({code})")

    session.output.result(result, print_lines)
    if bad or refused:
        raise typer.Exit(Exit.PROBLEMS)


def report(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3660, metavar="N", help="How many days back, today included.")] = 30,
    top: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="How many devices and addresses.")] = 10,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one page with plots, which needs nothing else.")
    ] = None,
) -> None:
    """Show logins, shared devices and addresses, and rejects.

    Logins a day, devices and addresses of several users, rejects by day and reason.

    Examples: loginpipe report --days 7 · loginpipe report --html report.html · loginpipe --json report
    """
    session: Session = context.obj
    data = session.target.call(operations.report, days=days, top=top)
    if html is not None:
        try:
            html.write_text(render_html(data, days=days), encoding="utf-8")
        except OSError as error:
            raise OpsError(f"{html} cannot be written: {error.strerror}") from None

    def print_tables() -> None:
        names: tuple[str, ...] = ("day", "logins", "users", "devices", "ips")
        session.output.table("Logins a day", names, pick(data["days"], *names))
        for shared, title in ((data["shared_devices"], "Devices"), (data["shared_ips"], "Addresses")):
            names = ("pseudonym", "users", "logins", "first_day", "last_day")
            session.output.table(
                f"{title} of several users ({shared['count']:,})",
                [name.replace("_", " ") for name in names],
                pick(shared["top"], *names),
            )
        names = ("day", "reason", "events", "deliveries")
        session.output.table("Rejects", names, pick(data["rejects"], *names))
        if html is not None:
            session.output.note(f"Written: {html}")

    session.output.result(data, print_tables)
