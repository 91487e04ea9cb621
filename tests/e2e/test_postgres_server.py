"""The private Postgres server: crashes, leftovers, settings."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from local.database import dsn
from local.errors import LocalStackError
from local.postgres import PostgresServer, free_port


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path / "postgres", {"fsync": "off", "application_name": "it's"}) as running:
        yield running


def query(server: PostgresServer, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a query as superuser; nothing for a statement that gives none."""
    with closing(psycopg2.connect(dsn(server.environment("postgres")))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def test_server_takes_its_settings_and_asks_for_a_password(server: PostgresServer) -> None:
    select = "SELECT current_setting('fsync'), current_setting('server_encoding'), current_setting('listen_addresses')"
    assert query(server, select) == [("off", "UTF8", "127.0.0.1")]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(dsn({**server.environment("postgres"), "PGPASSWORD": "wrong"}))
    settings = (server.data / "settings.conf").read_text()
    assert "application_name = 'it''s'\n" in settings
    assert (server.directory / "password").stat().st_mode & 0o077 == 0


def test_server_log_shows_no_value_of_a_statement_that_failed(server: PostgresServer) -> None:
    query(server, "CREATE TABLE one (name text PRIMARY KEY)")
    with pytest.raises(psycopg2.IntegrityError):
        query(server, "INSERT INTO one VALUES ('visitor-x'), ('visitor-x')")
    log = server.log_path.read_text(encoding="utf-8")
    assert "duplicate key" in log
    assert "visitor-x" not in log


def test_data_survives_a_kill_on_the_same_port(server: PostgresServer) -> None:
    port = server.port
    query(server, "CREATE TABLE kept (number integer)")
    query(server, "INSERT INTO kept VALUES (1)")
    server.kill()
    assert server.pid is None
    server.start()
    server.restart()
    assert server.port == port
    assert query(server, "SELECT number FROM kept") == [(1,)]


def test_running_server_is_adopted(server: PostgresServer) -> None:
    other = PostgresServer(server.directory).start()
    assert (other.pid, other.port) == (server.pid, server.port)
    other.stop()
    assert server.pid is None


def test_pid_file_that_names_another_process_is_no_obstacle(server: PostgresServer) -> None:
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n", encoding="utf-8")
    assert server.pid is None
    server.start()
    assert query(server, "SELECT 1") == [(1,)]


def test_port_that_is_taken_is_an_error_that_says_so(server: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="Address already in use"):
        PostgresServer(tmp_path / "second", port=server.port).start()


def test_port_is_unknown_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="call start"):
        _ = PostgresServer(tmp_path).port
    port = free_port()
    assert PostgresServer(tmp_path, port=port).port == port
