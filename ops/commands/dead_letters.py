"""The command `dlq`: messages that did not become rows."""

from contextlib import closing
from enum import StrEnum
from typing import Annotated

import typer

from lambda_src.rejects import Reason as RejectReason
from ops import operations
from ops.command_table import STYLE
from ops.commands.common import DryRun, Session, Yes, confirm, note_act
from ops.commands.letter_rows import describe_letters, find_reasons
from ops.dead_letters import HOLD_SECONDS
from ops.errors import Exit, NothingFoundError
from ops.letters import Filter, Letter
from ops.output import age, counted
from ops.redrive import redrive

app = typer.Typer(
    **STYLE,
    name="dlq",
    no_args_is_help=True,
    help="Dead letters: list, redrive, purge.",
)

LetterReason = StrEnum(  # type: ignore[misc]  # mypy cannot derive the members from the pipeline's reasons
    "LetterReason", {reason.name: reason.value for reason in RejectReason} | {"UNKNOWN": "unknown"}
)
Reason = Annotated[
    list[LetterReason] | None,
    typer.Option("--reason", metavar="CODE", help="Only letters with this reason (`unknown` for none); repeatable."),
]
Id = Annotated[
    list[str] | None, typer.Option("--id", metavar="ID", help="Only the letter of this message or event; repeatable.")
]
UserId = Annotated[str | None, typer.Option("--user-id", metavar="ID", help="Only letters whose body names this user.")]
NO_LETTER = "There is no such dead letter."
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Highest number of letters to look at.")]


@app.command("list")
def list_letters(
    context: typer.Context,
    reason: Reason = None,
    id_: Id = None,
    user_id: UserId = None,
    show: Annotated[bool, typer.Option("--show", help="Print the bodies: personal data in the clear.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Highest number of letters to look at.")
    ] = 1000,
) -> None:
    """List dead letters with reason, age and receive count.

    The command deletes no letter. It hides each letter from other consumers while it runs (for 5 minutes if it is
    killed), and the receive count of each letter increases by one. The function notes the reason on a letter. If SQS
    moved the letter itself, the reason comes from rejected_logins. Two letters of one event are one line. --show writes
    an entry to the audit table.

    Exit code 4 if there is no such letter.

    Example: loginpipe dlq list --reason invalid_ip
    """
    session: Session = context.obj
    with closing(session.target.reader()) as reader:
        letters = [letter for wave in reader.waves(limit) for letter in wave]
        reasons = find_reasons(session, reader, letters)
    chosen = Filter(frozenset(reason or ()), frozenset(id_ or ()), user_id)
    events: dict[str, list[Letter]] = {}
    for letter in letters:
        if chosen.takes(letter, reasons[letter.message_id][0]):
            events.setdefault(letter.event_id, []).append(letter)
    rows = [describe_letters(same, reasons, show=show) for same in events.values()]
    rows.sort(key=lambda row: -row["age_seconds"])
    if show:
        note_act(session, operations.note_shown, queue=session.target.dead_letters.url, events=len(rows))

    def print_table() -> None:
        names = ("event_id", "reason", "field", "age_seconds", "receive_count", "letters")
        session.output.table(
            "Dead letters",
            ("event", "reason", "field", "age", "received", "letters"),
            ([age(row[name]) if name == "age_seconds" else row[name] for name in names] for row in rows),
        )
        for row in rows if show else ():
            session.output.line(f"{row['event_id']}: {row['body']}")
        if len(letters) == limit:
            session.output.note(f"There may be more letters: the command looked at {limit} (--limit).")

    session.output.result(rows, print_table)
    if not rows:
        raise NothingFoundError(NO_LETTER)


@app.command("redrive")
def redrive_letters(
    context: typer.Context,
    reason: Reason = None,
    id_: Id = None,
    user_id: UserId = None,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.01, metavar="N", help="Highest number of events a second.")
    ] = None,
    limit: Limit = None,
    hold: Annotated[
        int,
        typer.Option(
            min=1, max=43_200, metavar="SECONDS", help="How long letters stay hidden if the command is killed."
        ),
    ] = HOLD_SECONDS,
    dry_run: DryRun = False,
) -> None:
    """Send dead letters back to the queue, so that the function tries again.

    The command sends all letters, or the letters that the options select. Each copy carries the id of the event and the
    time when the event was first sent. So an event never becomes two rows, even if you repeat the redrive. The command
    deletes a letter only after SQS has confirmed the copy. If it is killed, no letter is lost: run it again. It ignores
    letters that come back while it runs. SQS allows 10 attributes, and the pipeline needs 2 of them. If a message has
    more than 8 attributes of its own, the command drops the last ones in the order of their names.

    Do not use the redrive of SQS: it gives messages new ids, so an event can become two rows.

    Exit code 4 if there is no such letter.

    Examples: loginpipe dlq redrive --reason database --dry-run · loginpipe dlq redrive --rate 50
    """
    session: Session = context.obj
    chosen = Filter(frozenset(reason or ()), frozenset(id_ or ()), user_id)
    target = session.target
    with closing(target.reader(hold)) as reader:
        if dry_run:
            letters = [letter for wave in reader.waves(limit) for letter in reader.choose(wave, chosen)]
            events = len({letter.event_id for letter in letters})
            would = f"Would send {counted(events, 'event')} ({counted(len(letters), 'letter')}) back to the queue."
            result = {"dry_run": True, "events": events, "letters": len(letters)}
            session.output.result(result, lambda: session.output.line(would))
            if not letters:
                raise NothingFoundError(NO_LETTER)
            return
        with session.output.progress("redriving", None) as step:
            done = redrive(reader, target.queue, chosen, limit=limit, rate=rate, step=step)

    def print_lines() -> None:
        deleted = counted(done.deleted, "dead letter")
        session.output.line(f"Sent {counted(done.sent, 'event')} back to the queue, deleted {deleted}.")
        if done.came_back:
            session.output.line(f"Rejected again during the redrive: {counted(done.came_back, 'event')}; see dlq list.")
        if done.attributes_dropped:
            dropped = counted(done.attributes_dropped, "attribute")
            session.output.note(f"Dropped {dropped} of producers: SQS allows 10 in a message.")
        for message_id, code in done.failed.items():
            session.output.note(f"Not sent, still a dead letter: {message_id} ({code})")

    session.output.result(vars(done), print_lines)
    if done.failed:
        raise typer.Exit(Exit.PROBLEMS)
    if not done.sent and not done.deleted:
        raise NothingFoundError(NO_LETTER)


@app.command("purge")
def purge_letters(
    context: typer.Context,
    reason: Reason = None,
    id_: Id = None,
    user_id: UserId = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Delete dead letters for good; asks first.

    The command deletes all letters, or the letters that the options select. It does not delete letters that arrive
    after the question. The rows in rejected_logins stay. Exit code 4 if there is no such letter.

    Example: loginpipe dlq purge --reason invalid_json
    """
    session: Session = context.obj
    chosen = Filter(frozenset(reason or ()), frozenset(id_ or ()), user_id)
    with closing(session.target.reader()) as reader:
        letters = [letter for wave in reader.waves(limit) for letter in reader.choose(wave, chosen)]
        if dry_run:
            would = f"Would delete {counted(len(letters), 'dead letter')}."
            session.output.result({"dry_run": True, "letters": len(letters)}, lambda: session.output.line(would))
            if not letters:
                raise NothingFoundError(NO_LETTER)
            return
        deleted = 0
        if letters:
            confirm(f"Delete {counted(len(letters), 'dead letter')} for good?", yes=yes)
            deleted = reader.delete(letters)
    result = {"deleted": deleted, "not_deleted": len(letters) - deleted}
    session.output.result(result, lambda: session.output.line(f"Deleted {counted(deleted, 'dead letter')}."))
    if not letters:
        raise NothingFoundError(NO_LETTER)
    if deleted < len(letters):
        session.output.note(f"SQS did not delete {len(letters) - deleted:,}: run the command again.")
        raise typer.Exit(Exit.PROBLEMS)
