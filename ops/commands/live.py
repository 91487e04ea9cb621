"""The command `top`: shows figures of the running pipeline."""

import signal
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ops.errors import Exit, OpsError, UsageError
from ops.live.drawing import draw
from ops.live.look import Look
from ops.live.rates import get_rates
from ops.live.view import View
from ops.times import format_time

if TYPE_CHECKING:
    from ops.commands.common import Session
    from ops.live.rates import Rates
    from ops.live.sample import Sample

INTERVAL_SECONDS, FUNCTION_INTERVAL_SECONDS = 2.0, 10.0  # the second if each look invokes a function
ONCE_SECONDS = 1.0


def top(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print one set of figures, and end; for scripts.")] = False,
    interval: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=3600,
            metavar="SECONDS",
            help="Time between two looks. Default: 2 s; 10 s through the reader's function; 1 s with --once.",
        ),
    ] = None,
) -> None:
    """Watch the pipeline at work.

    Queue: messages that wait, messages in flight, age of the oldest message, dead letters. Database: rows a second,
    connections, size. Function: duplicates, rejects and failures a second, time of a write, last error. Below them
    are the rejects by reason.

    The key p pauses and continues; q or Ctrl-C quits. If a part does not answer, the view names it and shows the rest.

    The command asks the queue and the database directly, or through the reader's function. On the local stack the
    figures of the function come from its log. Otherwise they come from CloudWatch: each covers one minute, and is one
    to two minutes old. This needs cloudwatch:GetMetricData and lambda:GetFunctionConfiguration, and
    logs:FilterLogEvents for the text of an error.

    --once looks twice to compute the rates; --interval is the time between the two looks. Exit code 3 if a part did not
    answer.

    Examples: loginpipe top · loginpipe --stack LoginPipeline-production top · loginpipe top --once --json
    """
    session: Session = context.obj
    if session.as_json and not once:
        raise UsageError("--json needs --once: a live view is for people.")
    if not once and not (sys.stdout.isatty() and Console().is_terminal and not Console().is_dumb_terminal):
        raise UsageError("A live view needs a terminal. Give --once to print one set of figures.")
    look = Look(session)
    if once:
        _show_once(session, look, interval or ONCE_SECONDS)
        return
    settings = session.target.settings
    is_direct = settings.has_database or not settings.has_functions
    usual = INTERVAL_SECONDS if is_direct else FUNCTION_INTERVAL_SECONDS
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the view has to restore the terminal first
    last = View(look, _name(session), interval or usual).run(Console(highlight=False))
    if last is not None:
        Console(highlight=False).print(last)


def _name(session: "Session") -> str:
    return f"loginpipe top  {session.stack or session.target.settings.require('queue_url').rpartition('/')[2]}"


def _show_once(session: "Session", look: Look, seconds: float) -> None:
    before = look()
    time.sleep(seconds)
    sample = look()
    rates = get_rates(before, sample)
    if sample.queue is None and sample.database is None:
        raise OpsError(" ".join(sample.troubles.values()))
    title = f"{_name(session)}  {_at(sample)}"
    session.output.result(_as_json(sample, rates), lambda: session.output.show(draw(sample, rates, title)))
    if sample.troubles:
        raise typer.Exit(Exit.PROBLEMS)


def _as_json(sample: "Sample", rates: "Rates") -> dict[str, object]:
    return {**asdict(sample), "at": _at(sample), "rates": asdict(rates)}


def _at(sample: "Sample") -> str:
    return format_time(datetime.fromtimestamp(sample.at, UTC))
