"""A database of one test's own."""

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import extensions

from lambda_src.connection import connection_arguments
from lambda_src.settings import load_database_settings
from local.postgres import PostgresServer


@dataclass
class Scratch:
    """A migrated database of one test's own."""

    server: PostgresServer
    name: str
    passwords: dict[str, str]
    _connection: extensions.connection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = self.connect()

    def environment(self, user: str = "postgres") -> dict[str, str]:
        """Return the PG* variables of `user`: postgres, ingest or analyst."""
        return self.server.environment(self.name, user, self.passwords.get(user))

    def connect(self, user: str = "postgres") -> extensions.connection:
        """Open a connection in autocommit mode."""
        settings = load_database_settings(self.environment(user))
        connection: extensions.connection = psycopg2.connect(**connection_arguments(settings))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'")  # a test that waits for its own lock fails
        return connection

    def execute(self, statement: str, *values: Any) -> None:
        """Run statements as superuser. `DATABASE this` means this database."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement.replace("DATABASE this", f"DATABASE {self.name}"), values or None)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a query as superuser and return all rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def rows(self, columns: str = "user_id", table: str = "user_logins") -> list[tuple[Any, ...]]:
        """Return these columns of all rows, sorted."""
        return sorted(self.query(f"SELECT {columns} FROM {table}"), key=repr)

    def count(self, table: str = "user_logins") -> int:
        """Return how many rows the table has."""
        ((count,),) = self.query(f"SELECT count(*) FROM {table}")
        assert isinstance(count, int)
        return count

    def disconnect_function(self) -> int:
        """End the function's connections, as a failing server would; return how many there were."""
        return len(
            self.query(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = %s AND usename = 'ingest'",
                self.name,
            )
        )

    def wait_for_waiting(self, sessions: int = 1) -> None:
        """Wait until so many sessions wait for a lock. Fails after some seconds."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            for _ in range(2000):
                cursor.execute(
                    "SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid) "
                    "WHERE NOT granted AND datname = current_database()"
                )
                if cursor.rowcount >= sessions:
                    return
                cursor.execute("SELECT pg_sleep(0.01)")
        raise AssertionError("nobody waits for a lock")

    def reconnect(self) -> None:
        """Connect again after the server was down."""
        self._connection.close()
        self._connection = self.connect()

    def close(self) -> None:
        """Close the superuser's connection."""
        self._connection.close()
