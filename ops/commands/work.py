"""The command `worker`: consumes the queue on any machine."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import Exit, UsageError
from ops.output import counted
from ops.timing import WINDOW_SECONDS

if TYPE_CHECKING:
    from ops.commands.common import Session


def worker(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="End when the queue is empty; for cron.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Most messages in a batch.")] = 100,
    window: Annotated[
        float, typer.Option(min=0, max=300, metavar="SECONDS", help="How long a batch may wait to fill.")
    ] = WINDOW_SECONDS,
    poll: Annotated[int, typer.Option(min=1, max=20, metavar="SECONDS", help="How long an idle poll waits.")] = 5,
    health_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to touch after each poll that went well.")
    ] = None,
) -> None:
    """Consume the queue on this machine.

    Runs the handler that Lambda runs, until it is told to stop, or once.

    Configured as the function is: SALT_PARAMETER, PG* (role ingest), AWS_*, and DLQ_URL and VAULT_PUBLIC_KEY where they
    are wanted. What the database has committed is deleted from the queue, and nothing else; what failed is delivered
    again when the queue's visibility timeout has passed. Refuses to start where that timeout leaves no time for a write
    after the window, and names the smallest one that works.

    SIGTERM or Ctrl-C: finishes the batch in hand, deletes what is committed, and ends; allow it the poll and a batch's
    time (docker stop -t 60). Any number of workers may run side by side, also beside Lambda. With --health-file, a file
    older than a minute or two means trouble.

    Exit code 3 where --once left messages behind that failed.

    Example: loginpipe worker --once
    """
    session: Session = context.obj
    session.role = "ingest"  # as the function
    from ops.worker import Tally, work  # noqa: PLC0415  Powertools: no other command needs its 0.2 s of import

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    queue = session.target.queue
    with session.output.progress("consuming", None) as step:
        tally = Tally(health_file, step)
        try:
            work(
                session.target.sqs,
                queue,
                tally,
                stop,
                batch_size=batch_size,
                window_seconds=window,
                poll_seconds=poll,
                until_empty=once,
            )
        except ValueError as error:
            raise UsageError(f"{error}.") from None
    failed = counted(tally.failed, "failed delivery", "failed deliveries")
    session.output.note(f"Done with {counted(tally.done, 'message')}; {failed}.")
    if once and tally.failed:
        raise typer.Exit(Exit.PROBLEMS)
