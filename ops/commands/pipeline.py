"""The command `env`: prints the pipeline that commands work on, as variables for other programs."""

import os
import shlex
from typing import TYPE_CHECKING

import typer

from ops.choice import NAMES
from ops.errors import NothingFoundError
from ops.settings import PLACES

if TYPE_CHECKING:
    from ops.commands.common import Session

LIBRARIES = ("PG", "AWS_")  # the variables of libpq and of the AWS SDK


def env(context: typer.Context) -> None:
    """Print the pipeline as variables for a shell.

    For the running local stack it prints the addresses, the login of the role reader, and the keys of the emulator.
    For a deployed stack (--stack) it prints the outputs of the stack. Otherwise it prints the variables of the
    environment that commands read.

    Example: eval "$(loginpipe env)" && psql
    """
    session: Session = context.obj
    settings = session.target.settings
    values = {place.variable: getattr(settings, name) for name, place in PLACES.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        raise NothingFoundError("No pipeline is known: start one (loginpipe up), give --stack, or set QUEUE_URL.")
    if session.stack is None:
        own = {name: value for name, value in os.environ.items() if name.startswith(LIBRARIES) or name in NAMES}
        known = {**own, **known}

    def print_lines() -> None:
        for name, value in sorted(known.items()):
            session.output.line(f"export {name}={shlex.quote(value)}")

    session.output.result(known, print_lines)
