"""Finds the sessions that hold the lock another session waits for."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import psycopg2
from psycopg2 import extensions

TRIES = 3  # for work that could not get its locks
LOCK_SECONDS = 4  # less than the function waits behind it
PAUSE_SECONDS = 1.0  # before another try: the sessions that queue for the lock go first
PATIENCE_SECONDS = 1.0  # shorter waits are not examined
POLL_SECONDS = 0.25

SELECT_BLOCKERS = """
    SELECT pid, usename, application_name FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(%s)) ORDER BY pid
"""


@dataclass(frozen=True)
class Blocker:
    """A session of Postgres; `application` is its application_name."""

    pid: int
    role: str | None
    application: str

    def __str__(self) -> str:
        return f"session {self.pid} of the role {self.role} ({self.application or 'without a name'})"


def describe_blockers(blockers: list[Blocker]) -> str:
    """Returns advice that names the blocking sessions."""
    if not blockers:
        return "Other sessions hold a lock that this needs: try again."
    return f"It waits for a lock of {', '.join(map(str, blockers))}: try again once that has ended, or end it."


@contextmanager
def watched_blockers(connection: extensions.connection) -> Iterator[list[Blocker]]:
    """Yields a list of the sessions that block the connection's session, as last seen through a second connection."""
    found: list[Blocker] = []
    done = Event()
    # Read before the wait: a waiting session's thread holds the connection.
    pid = connection.info.backend_pid
    arguments = {**connection.info.dsn_parameters, "password": connection.info.password}
    watch = Thread(target=_watch, args=(pid, arguments, done, found), daemon=True)
    watch.start()
    try:
        yield found
    finally:
        done.set()
        watch.join()


def _watch(pid: int, arguments: dict[str, Any], done: Event, found: list[Blocker]) -> None:
    if done.wait(PATIENCE_SECONDS):
        return
    try:
        with closing(psycopg2.connect(**arguments)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not done.wait(POLL_SECONDS):
                cursor.execute(SELECT_BLOCKERS, (pid,))
                if blockers := [Blocker(*row) for row in cursor.fetchall()]:
                    found[:] = blockers
    except psycopg2.Error:
        return  # the list then stays as it is
