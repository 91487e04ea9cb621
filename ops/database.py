"""The database of the operator's commands: short transactions, and errors without values."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg2
from psycopg2 import extensions
from psycopg2.errorcodes import LOCK_NOT_AVAILABLE

from lambda_src import blockers
from lambda_src.connection import connection_arguments, explained_login
from lambda_src.settings import DatabaseSettings
from ops.errors import LockedError, OpsError

# SQLSTATE classes whose messages never hold values of rows: they name objects and privileges, or are our own (P0001).
SPEAKING_CLASSES = ("42", "P0", "55", "57", "3F")

Result = TypeVar("Result")


class Database:
    """One connection, opened when it is first needed."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._connection: extensions.connection | None = None

    @contextmanager
    def transaction(self, *, roll_back: bool = False, writes_logins: bool = False) -> Iterator[extensions.cursor]:
        """Yields a cursor and commits at the end of the block, or with `roll_back` rolls back. Raises OpsError.

        With `writes_logins`, the error does not hold Postgres's message, because a trigger's message could hold a row.
        """
        failure: OpsError | None = None
        connection = self._connect()
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
                if roll_back:
                    connection.rollback()
        except psycopg2.Error as error:
            failure = explain(error, with_words=not writes_logins)
            if connection.closed:
                self._connection = None
        if failure is not None:
            # Not raised in the except block: its __context__ would be psycopg2's error, which can hold values.
            raise failure

    def when_free(
        self, work: Callable[[extensions.cursor], Result], *, roll_back: bool = False, writes_logins: bool = False
    ) -> Result:
        """Runs `work` in a transaction that needs locks, and tries again if other sessions hold them.

        Raises LockedError, which names these sessions, if the locks stay taken in every try. Raises OpsError.
        """
        for tries_left in reversed(range(blockers.TRIES)):
            with blockers.watched_blockers(self._connect()) as found:
                try:
                    with self.transaction(roll_back=roll_back, writes_logins=writes_logins) as cursor:
                        cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{blockers.LOCK_SECONDS}s",))
                        return work(cursor)
                except LockedError:
                    if not tries_left:
                        break
            time.sleep(blockers.PAUSE_SECONDS)
        raise LockedError(f"Nothing was done. {blockers.describe_blockers(found)}")

    def rows(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Returns the rows of one statement, which runs in its own transaction."""
        with self.transaction() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall()

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> extensions.connection:
        if self._connection is None or self._connection.closed:
            with explained_login():
                arguments = connection_arguments(self._settings) | {"application_name": "login-pipeline-ops"}
                self._connection = psycopg2.connect(**arguments)
                # Statements qualify all names, so an object that somebody else created in public is never used.
                with self._connection, self._connection.cursor() as cursor:
                    cursor.execute("SET search_path = pg_catalog, pg_temp")
        return self._connection


def explain(error: psycopg2.Error, *, with_words: bool = True) -> OpsError:
    """Returns the OpsError for an error of psycopg2, without values of rows."""
    state = error.pgcode
    if state is None:
        return OpsError("The connection to Postgres broke: nothing of the last step is certain. Run the command again.")
    primary = error.diag.message_primary if with_words and state.startswith(SPEAKING_CLASSES) else None
    words = f": {primary}" if primary else ""
    advice = {
        "42501": " Log in as the role that may: reader, masker, remover, custodian or linker (PGUSER).",
        "42P01": " Run the migrations: python -m lambda_src.migrate.",
        "42883": " Run the migrations: python -m lambda_src.migrate.",
        LOCK_NOT_AVAILABLE: " Others hold the lock: try again.",
    }.get(state, "")
    kind = LockedError if state == LOCK_NOT_AVAILABLE else OpsError
    return kind(f"Postgres refuses (SQLSTATE {state}){words}.{advice}")
