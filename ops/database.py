"""Postgres, as the operator's commands use it: short transactions, and errors without values."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions

from lambda_src.connection import connection_arguments, explained_login
from lambda_src.settings import DatabaseSettings
from ops.errors import OpsError

# Classes of SQLSTATE whose texts name objects and privileges, and the pipeline's own (P0001): never values of rows.
SPEAKING_CLASSES = ("42", "P0", "55", "57", "3F")


class Database:
    """One connection, opened when it is first needed."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._connection: extensions.connection | None = None

    @contextmanager
    def transaction(self, *, roll_back: bool = False, writes_logins: bool = False) -> Iterator[extensions.cursor]:
        """A cursor; the end of the block is the COMMIT, or with `roll_back` takes all back. Raises OpsError.

        With `writes_logins` no words of Postgres are in the error: those of a trigger could hold a row.
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
            raise failure  # out here, so that it does not carry psycopg2's error, which can hold values

    def rows(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement, in a transaction of its own."""
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
        return self._connection


def explain(error: psycopg2.Error, *, with_words: bool = True) -> OpsError:
    """What an error of psycopg2 means, without values of rows."""
    state = error.pgcode
    if state is None:
        return OpsError("The connection to Postgres broke: nothing of the last step is certain. Run the command again.")
    primary = error.diag.message_primary if with_words and state.startswith(SPEAKING_CLASSES) else None
    words = f": {primary}" if primary else ""
    advice = {
        "42501": " Log in as a role that may (PGUSER, or the operator function's role).",
        "42P01": " Run the migrations: python -m lambda_src.migrate.",
        "42883": " Run the migrations: python -m lambda_src.migrate.",
        "55P03": " Others hold the lock: try again.",
    }.get(state, "")
    return OpsError(f"Postgres refuses (SQLSTATE {state}){words}.{advice}")
