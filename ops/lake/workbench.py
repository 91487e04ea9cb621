"""Gives a command a temporary directory for copies of archives.

A command locks its directory. The lock ends with the process, also if the process is killed. So each command can find
and delete the directories of killed commands.
"""

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ops.lake.engine import open_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

PREFIX = "loginpipe-"
LOCK = "lock"


@contextmanager
def workbench() -> "Iterator[tuple[duckdb.DuckDBPyConnection, Path]]":
    """Opens DuckDB, and a directory that only this user can read; deletes the directory after the block."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        directory = Path(name)
        draft = directory / f"{LOCK}.new"
        with draft.open("w") as held:
            _try_lock(held.fileno())
            draft.rename(directory / LOCK)  # other commands see the lock file only after it is locked
            with open_engine(directory) as engine:
                yield engine, directory


def _remove_abandoned(parent: Path) -> None:
    for path in parent.glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError), path.open("a") as held:  # it belongs to another user, or was deleted just now
            if _try_lock(held.fileno()):
                shutil.rmtree(path.parent)


def _try_lock(descriptor: int) -> bool:
    """Tries to lock a file; returns True if this process has the lock. Returns False on Windows, without fcntl."""
    if os.name == "nt":
        return False
    import fcntl  # noqa: PLC0415  Windows does not have it

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
