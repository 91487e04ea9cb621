"""The commands `send` and `report`: send events, and show figures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lambda_src.unpacking import MOST_EVENTS
from ops import operations
from ops.commands.common import Lakes, reachable_database
from ops.commands.report_tables import print_report
from ops.errors import Exit, NothingFoundError, OpsError, UsageError
from ops.event_files import STANDARD_INPUT, load_text, parse_items
from ops.lake.figures import with_archived
from ops.output import counted
from ops.packing import PACK, make_parcels
from ops.places import place
from ops.sending import Journal, find_bad, find_unsendable, send_parcels
from ops.wrapping import JSON_ENVELOPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.commands.common import Session
    from ops.operations.reports import Report

SHOWN = 20  # bad events in the terminal; --json prints all


def send(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            allow_dash=True,
            help="JSON lines, a JSON array, CSV with a header, or SQS messages; plain or gzip; - reads standard input.",
        ),
    ],
    pack: Annotated[
        int, typer.Option(min=1, max=MOST_EVENTS, metavar="N", help="Highest number of events in one message.")
    ] = PACK,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Send bad events too, to test the dead-letter queue.")
    ] = False,
) -> None:
    """Send events from a file to the queue.

    The command does not send events that the pipeline would reject or that SQS cannot take. It reports the line and
    the reason of each.

    It notes its progress beside the file (FILE.sending). After an interruption, the same command continues there, and
    no event becomes two rows. It deletes the note when all events are sent. If you send the file again after that, its
    events are new events, unless they carry an event_id of their own.

    If the pipeline has an envelope (the variable ENVELOPE or an output of the stack), the command wraps each message
    in it.

    Exit code 3 if some events were bad or refused, 4 if the file holds no event.

    Examples: loginpipe send logins.jsonl · loginpipe send --pack 1 logins.csv.gz
    """
    session: Session = context.obj
    text = load_text(file)
    items = parse_items(file, text)
    if not items:
        raise NothingFoundError(f"{file} holds no events.")
    bad = find_unsendable(items)
    numbers = {item.number for item in bad}
    bad += [] if unchecked else find_bad([item for item in items if item.number not in numbers])
    numbers |= {item.number for item in bad}
    good = [item for item in items if item.number not in numbers]
    queue, envelope = session.target.queue, session.target.settings.get_envelope()
    options = f"{text}\0{unchecked}\0{pack}\0{envelope}"
    journal = Journal.open(None if file == STANDARD_INPUT else file, options, queue.url)
    before = journal.sent
    if before:
        session.output.note(f"Continuing an interrupted command: {before:,} of {len(good):,} events were sent before.")
    parcels = make_parcels(good, pack, as_array=envelope in JSON_ENVELOPES)
    with session.output.progress("sending", len(good)) as step:
        step(before)
        refused = list(send_parcels(parcels, queue, journal, envelope, step))
    result = {
        "sent": len(good) - before - len(refused),
        "sent_before": before,
        "bad": [item._asdict() for item in sorted(bad)],
        "refused": [{"number": item.number, "line": item.line, "code": code} for item, code in refused],
    }

    def print_lines() -> None:
        session.output.line(f"Sent {counted(len(good) - before - len(refused), 'event')}.")
        for each in sorted(bad)[:SHOWN]:
            session.output.note(f"{each.place}: {each.reason}{f' ({each.field})' if each.field else ''}; not sent")
        if len(bad) > SHOWN:
            session.output.note(f"… and {counted(len(bad) - SHOWN, 'more bad event')} (--json prints all).")
        for item, code in refused:
            session.output.note(f"{item.place}: SQS refused it ({code})")

    session.output.result(result, print_lines)
    if bad or refused:
        raise typer.Exit(Exit.PROBLEMS)


def report(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3660, metavar="N", help="Number of days, today included.")] = 30,
    top: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Number of devices and of addresses to list.")
    ] = 10,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the figures and plots to one HTML file that loads nothing else."),
    ] = None,
    archives: Lakes = None,
) -> None:
    """Show logins, shared devices and addresses, and rejects.

    The report has totals, compared with the same number of days before. It has logins and new devices by day, devices
    and addresses that several users share, and rejects by day and reason. A device is new if no earlier login with it
    is stored.

    --html writes the same figures, with plots and shortened pseudonyms, to a page that loads no other file
    and runs no script. It needs the extra `report` of the package.

    --archives adds the months of the archives in that place, and counts each login once. With --stack it adds them only
    to the figures by day: a day that is in the database and in an archive gets the sum of both. Totals, new devices,
    shared devices and shared addresses then come from the database alone. --archives needs DuckDB: the extra `lake`.

    Examples: loginpipe report --days 7 · loginpipe report --html report.html · loginpipe --json report
    """
    session: Session = context.obj
    render = _load_renderer() if html is not None else None
    data = session.target.call(operations.report, days=days, top=top)
    if archives:
        settings = reachable_database(session)
        data = with_archived(data, settings, [place(target) for target in archives], top=top)
    if html is not None and render is not None:
        try:
            html.write_text(render(data), encoding="utf-8")
        except OSError as error:
            raise OpsError(f"{html} cannot be written: {error.strerror}") from None

    def print_all() -> None:
        print_report(session.output, data)
        if html is not None:
            session.output.note(f"Written: {html}")

    session.output.result(data, print_all)


def _load_renderer() -> "Callable[[Report], str]":
    try:
        from ops.page.page import render_html  # noqa: PLC0415  only the page needs the plots' library
    except ModuleNotFoundError as error:
        raise UsageError(f"--html needs the package {error.name}: install login-masking-pipeline[report].") from None
    return render_html
