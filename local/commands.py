"""The commands `up`, `status` and `down`: start, show and stop the local pipeline."""

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from local.background import Background, count
from local.errors import LocalStackError
from local.interruption import catch_signals, ignore_signals
from local.report import print_counts, print_description
from local.session import IN_PROCESS, InProcess, prepare, stopped
from local.stack import VISIBILITY_SECONDS
from local.state import Description
from ops.errors import UsageError

if TYPE_CHECKING:
    from ops.commands.common import Session

LONGEST_VISIBILITY = 43_200  # seconds: what SQS allows


class Envelope(StrEnum):
    """The values of ENVELOPE. typer needs an enumeration for the choices of an option."""

    NONE = "none"
    SNS = "sns"
    EVENTBRIDGE = "eventbridge"
    CLOUDEVENTS = "cloudevents"


def up(
    context: typer.Context,
    *,
    in_process: InProcess = IN_PROCESS,
    fifo: Annotated[bool, typer.Option("--fifo", help="Make FIFO queues.")] = False,
    vault: Annotated[
        bool, typer.Option("--vault", help="Seal the originals with a key in the emulator, so that `recover` works.")
    ] = False,
    quarantine: Annotated[
        bool,
        typer.Option("--quarantine", help="Send rejected events to the dead-letter queue at once, with the reason."),
    ] = False,
    visibility: Annotated[
        int,
        typer.Option(
            min=VISIBILITY_SECONDS, max=LONGEST_VISIBILITY, metavar="SECONDS", help="The queue's visibility timeout."
        ),
    ] = VISIBILITY_SECONDS,
    envelope: Annotated[
        Envelope, typer.Option(help="The envelope of each event: `send` and the printed example add it.")
    ] = Envelope.NONE,
) -> None:
    """Start a pipeline on this machine, and leave it running.

    The pipeline starts empty. The command prints its addresses. Ctrl-C stops all parts that were started. If the stack
    is already up, the command changes nothing.

    Examples: loginpipe up · loginpipe up --vault --quarantine · loginpipe up --fifo --visibility 60
        · loginpipe up --envelope sns
    """
    session: Session = context.obj
    catch_signals()
    background = Background(prepare(session))
    chosen = {"--in-process": in_process, "--fifo": fifo, "--vault": vault, "--quarantine": quarantine}
    options = [*(name for name, is_on in chosen.items() if is_on), "--visibility", str(visibility)]
    options += ["--envelope", envelope]
    was_up = background.is_started
    left = "the stack that was up already stays up" if was_up else "nothing is left running"
    with stopped(f"Interrupted; {left}."):
        if not was_up:
            session.output.note("Starting Postgres, SQS, SSM and the function: about 10 s …")
        description = background.up(options)
        ignore_signals()
        if was_up:
            session.output.note("The stack is already up; this is how to reach it.")
            _compare(description, chosen, visibility, envelope)
    result = {"already_up": was_up, **asdict(description)}
    session.output.result(result, lambda: print_description(session.output, description, background.directory))


def down(context: typer.Context) -> None:
    """Stop the pipeline that `up` started.

    The rows stay: `loginpipe psql` shows them until the next `loginpipe up`.
    """
    session: Session = context.obj
    was_up = Background(prepare(session)).down()
    text = "The stack is down." if was_up else "The stack was not up."
    session.output.result({"was_up": was_up}, lambda: session.output.line(text))


def status(context: typer.Context) -> None:
    """Show the running pipeline, and what it holds.

    If it is not up, the command prints the reason and ends with exit code 1.
    """
    session: Session = context.obj
    background = Background(prepare(session))
    description = background.find()
    if description is None:
        raise LocalStackError(background.explain_absence())
    counts = count(description)

    def print_lines() -> None:
        print_description(session.output, description, background.directory)
        print_counts(session.output, counts)

    session.output.result({**asdict(description), "counts": asdict(counts)}, print_lines)


def _compare(description: Description, chosen: dict[str, bool], visibility: int, envelope: Envelope) -> None:
    """Raises UsageError if an option differs from the stack that is up."""
    is_there = {
        "--in-process": description.in_process,
        "--fifo": description.is_fifo,
        "--vault": description.vault_key is not None,
        "--quarantine": description.quarantine,
    }
    names = [name for name, is_on in chosen.items() if is_on and not is_there[name]]
    if visibility not in (VISIBILITY_SECONDS, description.visibility_seconds):
        names.append(f"--visibility {visibility}")
    if envelope not in (Envelope.NONE, description.envelope):
        names.append(f"--envelope {envelope}")
    if names:
        raise UsageError(f"The stack is up already, without {' '.join(names)}. End it first: loginpipe down")
