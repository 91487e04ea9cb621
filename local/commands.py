"""`run`, `up`, `status`, `psql`, `down`: the pipeline on this machine."""

import logging
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from local.background import Background, count
from local.database import analyst_environment
from local.emulator import emulator_runs_here
from local.errors import LocalStackError
from local.generator import generate_bodies
from local.interruption import catch_signals
from local.postgres import PostgresServer, binaries
from local.process import exclusive
from local.report import print_counts, print_description, print_outcome
from local.run import Run
from local.stack import BATCH_SIZE, POSTGRES, VISIBILITY_SECONDS, StackSettings
from local.state import Description, get_directory
from ops.errors import NothingFoundError, StoppedError, UsageError
from ops.event_files import EventsFileError, load_bodies
from ops.event_source import LARGEST_BATCH

if TYPE_CHECKING:
    from ops.commands.common import Session

BAD_SHARE = 0.018  # two of each reason in 1,000
LONGEST_VISIBILITY = 43_200  # seconds: what SQS allows
InProcess = Annotated[
    bool,
    typer.Option("--in-process/--emulator", help="Where the function runs: in this process, or in AWS's emulator."),
]
IN_PROCESS = not emulator_runs_here()


class Database(StrEnum):
    """Whose database."""

    RUN = "run"
    UP = "up"


def run(
    context: typer.Context,
    events: Annotated[Path | None, typer.Argument(help="JSON array or JSON lines; none: synthetic events.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many synthetic events.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic events.")] = 1,
    batch_size: Annotated[int, typer.Option(min=1, max=LARGEST_BATCH, help="Messages a batch.")] = BATCH_SIZE,
    *,
    in_process: InProcess = IN_PROCESS,
) -> None:
    """Send events through a fresh pipeline on this machine.

    Starts Postgres, SQS, SSM and the function, waits until each event has found its place, shows what became of them,
    and ends all of it. An emulator that runs already serves in place of one of our own where LOCALSTACK_HOST or
    AWS_ENDPOINT_URL names it.

    Examples: loginpipe run · loginpipe run logins.jsonl · loginpipe run --count 50000 --seed 7
    """
    session: Session = context.obj
    catch_signals()
    directory = _prepare(session)
    try:
        bodies = load_bodies(events) if events else _synthetic(count, seed)
    except EventsFileError as error:
        raise UsageError(str(error)) from None
    settings = StackSettings(directory / "run", in_process=in_process, batch_size=batch_size)
    with (
        _stopped("Interrupted; nothing is left running."),
        exclusive(directory / "run.lock", "Another `loginpipe run` is at work: wait for its end."),
        session.output.progress("sent and settled", len(bodies)) as step,
    ):
        shown = 0

        def show(_sent: int, settled: int) -> None:
            nonlocal shown
            step(settled - shown)
            shown = settled

        outcome = Run(settings, show, session.output.note).execute(bodies)
    session.output.result(asdict(outcome), lambda: print_outcome(session.output, outcome, "loginpipe psql --of run"))
    if not outcome.is_complete:
        raise LocalStackError(
            f"{outcome.lost:,} of the messages are neither rows nor rejects; the logs are in {settings.directory}."
        )


def up(
    context: typer.Context,
    *,
    in_process: InProcess = IN_PROCESS,
    fifo: Annotated[bool, typer.Option("--fifo", help="Make FIFO queues.")] = False,
    vault: Annotated[
        bool, typer.Option("--vault", help="Seal the originals, with a key in the emulator: `recover` works.")
    ] = False,
    visibility: Annotated[
        int,
        typer.Option(
            min=VISIBILITY_SECONDS, max=LONGEST_VISIBILITY, metavar="SECONDS", help="The queue's visibility timeout."
        ),
    ] = VISIBILITY_SECONDS,
) -> None:
    """Start a pipeline on this machine that stays up.

    Shows how to reach it. It starts empty. Ctrl-C ends what has been started so far. A stack that is up already is
    left as it is.

    Examples: loginpipe up · loginpipe up --vault · loginpipe up --fifo --visibility 60
    """
    session: Session = context.obj
    catch_signals()
    background = Background(_prepare(session))
    chosen = {"--in-process": in_process, "--fifo": fifo, "--vault": vault}
    options = [*(name for name, is_on in chosen.items() if is_on), "--visibility", str(visibility)]
    was_up = background.is_started
    left = "the stack that was up already stays up" if was_up else "nothing is left running"
    with _stopped(f"Interrupted; {left}."):
        description = background.up(options)
        if was_up:
            session.output.note("The stack is already up; this is how to reach it.")
            _compare(description, in_process=in_process, fifo=fifo, vault=vault, visibility=visibility)
    result = {"already_up": was_up, **asdict(description)}
    session.output.result(result, lambda: print_description(session.output, description, background.directory))


def down(context: typer.Context) -> None:
    """End the pipeline that `up` has started.

    What it wrote stays: `loginpipe psql` shows the rows until the next `loginpipe up`.
    """
    session: Session = context.obj
    was_up = Background(_prepare(session)).down()
    text = "The stack is down." if was_up else "The stack was not up."
    session.output.result({"was_up": was_up}, lambda: session.output.line(text))


def status(context: typer.Context) -> None:
    """Show the pipeline that is up, and what it holds.

    Exit code 1 where it is not up, with the reason.
    """
    session: Session = context.obj
    background = Background(_prepare(session))
    description = background.find()
    if description is None:
        raise LocalStackError(background.explain_absence())
    counts = count(description)

    def print_lines() -> None:
        print_description(session.output, description, background.directory)
        print_counts(session.output, counts)

    session.output.result({**asdict(description), "counts": asdict(counts)}, print_lines)


def psql(
    context: typer.Context,
    of: Annotated[
        Database | None, typer.Option(help="Whose database; none: of what is up, else of the last run.")
    ] = None,
    sql: Annotated[str | None, typer.Option(help="A statement to execute; none: a prompt.")] = None,
) -> None:
    """Open psql as the role analyst on the pipeline of this machine.

    Postgres is started for it where it does not run. psql has no JSON output: --json is refused.

    Example: loginpipe psql --sql 'SELECT * FROM shared_devices LIMIT 5'
    """
    session: Session = context.obj
    if session.as_json:
        raise UsageError("psql has no JSON output; let Postgres make it: --sql 'SELECT to_json(…)'.")
    home = _prepare(session)
    directory = home / (of or (Database.UP if Background(home).find() else Database.RUN))
    if not (directory / POSTGRES).exists():
        raise NothingFoundError("There is no database yet: `loginpipe run` or `loginpipe up` makes one.")
    server = PostgresServer(directory / POSTGRES)
    was_running = server.pid is not None
    server.start()
    try:
        command = [str(binaries() / "psql"), *(["-c", sql] if sql else [])]
        environment = {**os.environ, **analyst_environment(directory, server)}
        with _ignored(signal.SIGINT):  # Ctrl-C is psql's own
            code = subprocess.run(command, env=environment, check=False).returncode
    finally:
        if not was_running:
            server.stop()
    raise typer.Exit(code)


def _prepare(session: "Session") -> Path:
    """The directory of the local stack, with its log; raises OSError where it cannot be written."""
    directory = (session.directory or get_directory()).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=directory / "local.log", format="%(asctime)s %(name)s %(levelname)s %(message)s")
    return directory


def _synthetic(count: int, seed: int) -> list[str]:
    return [body.text for body in generate_bodies(count, seed, round(count * BAD_SHARE))]


def _compare(description: Description, *, in_process: bool, fifo: bool, vault: bool, visibility: int) -> None:
    """Raises UsageError where an option asks for what the stack that is up does not have."""
    missing = {
        "--in-process": in_process and not description.in_process,
        "--fifo": fifo and not description.is_fifo,
        "--vault": vault and description.vault_key is None,
        f"--visibility {visibility}": visibility not in (VISIBILITY_SECONDS, description.visibility_seconds),
    }
    if names := [name for name, is_missing in missing.items() if is_missing]:
        raise UsageError(f"The stack is up already, without {' '.join(names)}. End it first: loginpipe down")


@contextmanager
def _stopped(message: str) -> Iterator[None]:
    """Tells a person what an interruption of the block leaves behind."""
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(message) from None


@contextmanager
def _ignored(number: signal.Signals) -> Iterator[None]:
    previous = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, previous)
