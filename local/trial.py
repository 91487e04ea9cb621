"""The commands `run` and `psql`: do a complete run, and show its rows."""

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lambda_src.unpacking import MOST_EVENTS
from local.background import Background
from local.bodies import stream_bodies
from local.database import analyst_environment
from local.errors import LocalStackError
from local.interruption import catch_signals
from local.postgres import PostgresServer
from local.postgres_programs import binaries
from local.process import exclusive
from local.report import print_outcome
from local.run import Run
from local.session import IN_PROCESS, InProcess, prepare, stopped
from local.stack import BATCH_SIZE, POSTGRES, StackSettings
from ops.errors import Exit, NothingFoundError, UsageError
from ops.event_files import load_items
from ops.event_source import LARGEST_BATCH
from ops.sending import find_unsendable

if TYPE_CHECKING:
    from ops.commands.common import Session

BAD_SHARE = 0.018  # two of each reason in 1,000


class Database(StrEnum):
    """The options that choose the database."""

    RUN = "run"
    UP = "up"


def run(
    context: typer.Context,
    events: Annotated[
        Path | None, typer.Argument(help="A file in a format that `send` reads. Default: synthetic events.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Number of synthetic events.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic events.")] = 1,
    pack: Annotated[int, typer.Option(min=1, max=MOST_EVENTS, metavar="N", help="Events in one message.")] = 1,
    batch_size: Annotated[int, typer.Option(min=1, max=LARGEST_BATCH, help="Messages in one batch.")] = BATCH_SIZE,
    *,
    in_process: InProcess = IN_PROCESS,
) -> None:
    """Send events through a fresh pipeline on this machine.

    The command starts Postgres, SQS, SSM and the function. It waits until the function has handled each event, shows
    the result, and stops all of them. If LOCALSTACK_HOST or AWS_ENDPOINT_URL names a running emulator, the command uses
    it and starts none.

    The command also sends bad events, so that you see the result. Exit code 3 if SQS could not take some events.

    Examples: loginpipe run · loginpipe run logins.jsonl · loginpipe run --count 1000000 --pack 50
    """
    session: Session = context.obj
    catch_signals()
    directory = prepare(session)
    items = load_items(events) if events else []
    left_out = find_unsendable(items)
    numbers = {item.number for item in left_out}
    bodies = [item.body for item in items if item.number not in numbers] if events else _synthetic(count, seed)
    total = len(items) - len(left_out) if events else count
    settings = StackSettings(directory / "run", in_process=in_process, batch_size=batch_size)
    with (
        stopped("Interrupted; nothing is left running."),
        exclusive(directory / "run.lock", "Another `loginpipe run` is at work: wait for its end."),
        session.output.progress("sent and settled", total) as step,
    ):
        shown = 0

        def show(_sent: int, settled: int) -> None:
            nonlocal shown
            step(settled - shown)
            shown = settled

        outcome = Run(settings, show, session.output.note).execute(bodies, pack)
    for each in left_out:
        session.output.note(f"{each.place}: {each.reason}; not sent")
    session.output.result(asdict(outcome), lambda: print_outcome(session.output, outcome, "loginpipe psql --of run"))
    if not outcome.is_complete:
        raise LocalStackError(
            f"{outcome.lost:,} of the events are neither rows nor rejects; the logs are in {settings.directory}."
        )
    if left_out or outcome.refused:
        raise typer.Exit(Exit.PROBLEMS)


def psql(
    context: typer.Context,
    of: Annotated[
        Database | None, typer.Option(help="The database. Default: of the running pipeline, else of the last run.")
    ] = None,
    sql: Annotated[str | None, typer.Option(help="A statement to execute. Default: open a prompt.")] = None,
) -> None:
    """Open psql as the role analyst on the local database.

    If Postgres does not run, the command starts it. psql has no JSON output, so the command refuses --json.

    Example: loginpipe psql --sql 'SELECT * FROM shared_devices LIMIT 5'
    """
    session: Session = context.obj
    if session.as_json:
        raise UsageError("psql has no JSON output; let Postgres make it: --sql 'SELECT to_json(…)'.")
    if sql is not None and not sql.strip():
        raise UsageError("--sql must hold a statement; leave it out to open a prompt.")
    home = prepare(session)
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


def _synthetic(count: int, seed: int) -> Iterable[str]:
    return (body.text for body in stream_bodies(count, seed, round(count * BAD_SHARE)))


@contextmanager
def _ignored(number: signal.Signals) -> Iterator[None]:
    previous = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, previous)
