"""Connections of the code under test: leased from a pool, and each statement crosses a boundary.

A new connection costs a process of Postgres with empty caches, a hundred times a history. A lease begins and ends as a
connection does: nothing of the session before it is left.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg2
from psycopg2 import extensions

from tests.model.actors import What, current_actor

Result = TypeVar("Result")

REAL_CONNECT = psycopg2.connect


class Pool:
    """Connections to one database, each lent as a connection of any role."""

    def __init__(self, arguments: Mapping[str, Any], settings: Mapping[str, Sequence[str]]) -> None:
        """Takes the superuser's connection arguments and, by role, its settings as `name=value`."""
        self._arguments = dict(arguments)
        self._settings = settings
        self._idle: list[extensions.connection] = []
        self._all: list[extensions.connection] = []

    def connect(self, *_: Any, **arguments: Any) -> "Lease":
        """In place of psycopg2.connect."""
        actor = current_actor()
        if actor is None:
            return self._lease(arguments["user"])
        user = actor.role or arguments["user"]
        return actor.cross(
            "connect", lambda: self._lease(user), lambda: psycopg2.OperationalError("could not connect to server")
        )

    def take_back(self, connection: extensions.connection) -> None:
        """Ends a lease."""
        if connection.closed:
            return
        connection.rollback()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("DISCARD ALL")
        self._idle.append(connection)

    def close(self) -> None:
        """Closes all connections."""
        for connection in self._all:
            connection.close()

    def _lease(self, user: str) -> "Lease":
        if not self._idle:
            self._idle.append(REAL_CONNECT(**self._arguments))
            self._all.append(self._idle[-1])
        connection = self._idle.pop()
        connection.autocommit = True
        with connection.cursor() as cursor:
            settings = ["SET {} TO '{}'".format(*setting.split("=", 1)) for setting in self._settings.get(user, ())]
            cursor.execute("; ".join([f"SET SESSION AUTHORIZATION {user}", *settings]))
        connection.autocommit = False
        return Lease(self, connection)


class Lease:
    """A connection, as the code sees it."""

    def __init__(self, pool: Pool, connection: extensions.connection) -> None:
        self.__dict__.update(_pool=pool, _connection=connection, _ended=False, _inside=False)

    @property
    def closed(self) -> int:
        return 1 if self._ended else self._connection.closed

    def cursor(self, *arguments: Any, **options: Any) -> "LeasedCursor":
        self._check()
        return LeasedCursor(self, self._connection.cursor(*arguments, **options))

    def commit(self) -> None:
        self.cross("commit", self._connection.commit)

    def rollback(self) -> None:
        self._check()
        self._connection.rollback()

    def close(self) -> None:
        if not self._ended:
            self.__dict__["_ended"] = True
            if self._inside:
                self._connection.__exit__(psycopg2.OperationalError, None, None)
            self._pool.take_back(self._connection)

    def __enter__(self) -> Self:
        self._check()
        self._connection.__enter__()
        self.__dict__["_inside"] = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.cross("commit", lambda: self._leave(None, None, None))
        else:
            self._check()
            self._leave(kind, error, trace)

    def _leave(self, *error: Any) -> None:
        self._connection.__exit__(*error)
        self.__dict__["_inside"] = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._check()
        setattr(self._connection, name, value)

    def cross(self, what: What, call: Callable[[], Result]) -> Result:
        self._check()
        actor = current_actor()
        if actor is None:
            return call()

        def sever() -> Exception:
            self.close()
            return psycopg2.OperationalError("server closed the connection unexpectedly")

        actor.backend = self._connection.info.backend_pid
        try:
            return actor.cross(what, call, sever)
        finally:
            actor.backend = None

    def _check(self) -> None:
        if self._ended:
            raise psycopg2.InterfaceError("connection already closed")


class LeasedCursor:
    """A cursor, as the code sees it."""

    def __init__(self, lease: Lease, cursor: extensions.cursor) -> None:
        self.connection = lease
        self._cursor = cursor

    def execute(self, *arguments: Any, **options: Any) -> None:
        self.connection.cross("statement", lambda: self._cursor.execute(*arguments, **options))

    def copy_expert(self, *arguments: Any, **options: Any) -> None:
        self.connection.cross("statement", lambda: self._cursor.copy_expert(*arguments, **options))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cursor.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)
