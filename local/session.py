"""Shared code of the commands of the local stack."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from local.emulator import emulator_runs_here
from local.state import get_directory
from ops.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from ops.commands.common import Session

InProcess = Annotated[
    bool,
    typer.Option("--in-process/--emulator", help="Where the function runs: in this process, or in AWS's emulator."),
]
IN_PROCESS = not emulator_runs_here()


def prepare(session: "Session") -> Path:
    """Returns the directory of the local stack; raises UsageError, and OSError if it cannot be written."""
    directory = (session.directory or get_directory()).resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{directory} is no folder: name another --directory.") from None
    logging.basicConfig(filename=directory / "local.log", format="%(asctime)s %(name)s %(levelname)s %(message)s")
    return directory


@contextmanager
def stopped(message: str) -> Iterator[None]:
    """Tells the user what an interruption of the block leaves behind."""
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(message) from None
