"""A directory for copies of archives while they are worked on. What a killed command left behind goes with the next.

A command holds a lock on its directory, which ends with the process, however it ends.
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
    """DuckDB, and a directory that only this user can read and that is gone after the block."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        directory = Path(name)
        draft = directory / f"{LOCK}.new"
        with draft.open("w") as held:
            _try_lock(held.fileno())
            draft.rename(directory / LOCK)  # nobody else sees it before it is locked
            with open_engine(directory) as engine:
                yield engine, directory


def _remove_abandoned(parent: Path) -> None:
    for path in parent.glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError), path.open("a") as held:  # another user's, or gone at this moment
            if _try_lock(held.fileno()):
                shutil.rmtree(path.parent)


def _try_lock(descriptor: int) -> bool:
    """Whether the lock is ours now; never on Windows, which has other locks."""
    if os.name == "nt":
        return False
    import fcntl  # noqa: PLC0415  Windows has none

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
