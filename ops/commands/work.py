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
    batch_size: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Highest number of messages in a batch.")
    ] = 100,
    window: Annotated[
        float, typer.Option(min=0, max=300, metavar="SECONDS", help="How long a batch may wait to fill.")
    ] = WINDOW_SECONDS,
    poll: Annotated[int, typer.Option(min=1, max=20, metavar="SECONDS", help="How long an idle poll waits.")] = 5,
    health_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file to touch after each successful poll.")
    ] = None,
) -> None:
    """Consume the queue on this machine.

    The worker runs the same handler as Lambda. It runs until it gets a signal, or with --once until the queue is empty.

    It reads the same variables as the function: SALT_PARAMETER, PG* (role ingest) and AWS_*; DLQ_URL and
    VAULT_PUBLIC_KEY are optional. It deletes a message from the queue only after the database has committed it. SQS
    delivers a failed message again after the queue's visibility timeout. If that timeout leaves no time for a write
    after the window, the worker does not start, and names the smallest timeout that works.

    After SIGTERM or Ctrl-C the worker finishes its batch, deletes the committed messages, and ends. Allow time for one
    poll and one batch (docker stop -t 60). Several workers may run at the same time, also beside Lambda. With
    --health-file, a file that is older than two minutes means that the worker is in trouble.

    Exit code 3 if --once left failed messages in the queue.

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
