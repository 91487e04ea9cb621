"""`python -m local`: the pipeline on this machine. The make targets run, up, down, status and psql call it."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lambda_src.errors import PipelineError
from local.background import Background, count
from local.database import analyst_environment
from local.errors import LocalStackError
from local.generator import generate_bodies
from local.postgres import PostgresServer, binaries
from local.process import exclusive
from local.report import print_counts, print_description, print_outcome
from local.run import Run
from local.runtime import ROOT, emulator_runs_here
from local.samples import write_samples
from local.stack import BATCH_SIZE, POSTGRES, StackSettings
from ops.event_files import EventsFileError, load_bodies
from ops.event_source import LARGEST_BATCH

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BAD_SHARE = 0.018  # two of each reason in 1,000

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The login pipeline on this machine: no cloud account, no Docker. An emulator that runs already serves in "
    "place of a MiniStack where LOCALSTACK_HOST or AWS_ENDPOINT_URL names it.",
)
console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 110, highlight=False)

InProcess = Annotated[
    bool,
    typer.Option("--in-process/--emulator", help="Where the function runs: in this process, or in AWS's emulator."),
]
IN_PROCESS = not emulator_runs_here()


@app.callback()
def configure(
    context: typer.Context,
    directory: Annotated[Path, typer.Option(help="For data and logs.", show_default=".local")] = ROOT / ".local",
) -> None:
    """Notes the options that all commands share."""
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=directory / "local.log", format="%(asctime)s %(name)s %(levelname)s %(message)s")
    context.obj = directory


@app.command()
def run(
    context: typer.Context,
    events: Annotated[Path | None, typer.Argument(help="JSON array or JSON lines; none: synthetic events.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many synthetic events.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic events.")] = 1,
    batch_size: Annotated[int, typer.Option(min=1, max=LARGEST_BATCH, help="Messages a batch.")] = BATCH_SIZE,
    *,
    in_process: InProcess = IN_PROCESS,
) -> None:
    """Send events through a fresh pipeline, wait until each has found its place, and show what became of them."""
    bodies = load_bodies(events) if events else [b.text for b in generate_bodies(count, seed, round(count * BAD_SHARE))]
    settings = StackSettings(context.obj / "run", in_process=in_process, batch_size=batch_size)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    with exclusive(context.obj / "run.lock", "another `make run` is at work; wait for its end"), bar:
        task = bar.add_task("starting Postgres, SQS, SSM and the function", total=len(bodies))

        def show(sent: int, settled: int) -> None:
            description = "sending" if sent < len(bodies) else "settled"
            bar.update(task, completed=settled, description=description)

        outcome = Run(settings, show, bar.console.print).execute(bodies)
    print_outcome(console, outcome, "make psql OF=run")
    if not outcome.is_complete:
        raise LocalStackError(
            f"{outcome.lost} messages are neither rows nor rejects; the logs are in {settings.directory}"
        )


@app.command()
def up(context: typer.Context, *, in_process: InProcess = IN_PROCESS) -> None:
    """Start a fresh pipeline that stays up, and show how to reach it."""
    background = Background(context.obj / "up")
    print_description(console, background.up(in_process=in_process), background.directory)


@app.command()
def down(context: typer.Context) -> None:
    """End the pipeline that `up` has started."""
    console.print("The stack is down." if Background(context.obj / "up").down() else "The stack was not up.")


@app.command()
def status(context: typer.Context) -> None:
    """Show whether the pipeline of `up` is up, and how many messages it holds; exit code 1 where it is not."""
    background = Background(context.obj / "up")
    description = background.find()
    if description is None:
        raise LocalStackError("the stack is not up: `make up` starts it")
    print_description(console, description, background.directory)
    print_counts(console, count(description))


@app.command()
def psql(
    context: typer.Context,
    of: Annotated[str, typer.Option(help="Whose database: run, up; none: of what is up, else of the last run.")] = "",
    sql: Annotated[str, typer.Option(help="A statement to execute; none: a prompt.")] = "",
) -> None:
    """Open psql as the role analyst; Postgres is started for it where it is not running."""
    if of not in ("run", "up", ""):
        raise typer.BadParameter("must be run or up", param_hint="--of")
    directory = context.obj / (of or ("up" if Background(context.obj / "up").find() else "run"))
    if not (directory / POSTGRES).exists():
        raise LocalStackError("there is no database yet: `make run` or `make up` makes one")
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


@app.command()
def events(directory: Annotated[Path, typer.Argument(help="Where to.")] = ROOT / "events") -> None:
    """Write the sample events for `sam local invoke -e`; the same ones every time."""
    for path in write_samples(directory):
        console.print(path)


@app.command(hidden=True)
def serve(context: typer.Context, *, in_process: InProcess = IN_PROCESS) -> None:
    """Be the stack that `up` starts."""
    Background(context.obj / "up").serve(in_process=in_process)


@contextmanager
def _ignored(number: signal.Signals) -> Iterator[None]:
    previous = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, previous)


class _InterruptedError(BaseException):
    """A signal asks the program to end; unlike KeyboardInterrupt it passes through typer."""


def _interrupt(_number: int, _frame: object) -> None:
    """Ends in order on the first signal; a second one must not break off the clearing up."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise _InterruptedError


def main() -> int:
    """The command line; returns the exit code."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        app(prog_name="python -m local")
    except EventsFileError as error:
        print(f"local: {error}", file=sys.stderr)
        return 2
    except (LocalStackError, PipelineError) as error:
        print(f"local: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"local: SQS or SSM fails: {error}", file=sys.stderr)
        return 1
    except _InterruptedError:
        print("local: interrupted; nothing is left running", file=sys.stderr)
        return 130
    return 0  # not reached: typer exits by itself


if __name__ == "__main__":
    sys.exit(main())
