"""Fixtures for all tests: real servers, a database and a salt for each test, and the function."""

import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from lambda_src.connection import connection_arguments
from lambda_src.migrate import migrate
from lambda_src.settings import load_database_settings
from local.aws import AwsEndpoint
from local.postgres import PostgresServer
from tests.chaos.proxy import PostgresProxy
from tests.execution_environment import ExecutionEnvironment
from tests.function import Function, function_environment
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch

TEMPLATE = "template_logins"
# The data need not survive a crash of the machine.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "40"}

MEMORY = Path("/dev/shm")  # noqa: S108  a file system in memory, on machines that have one
ROOM = 2**31  # bytes that the databases of a run may need
# Expensive fixtures: all tests that use the same one run in one process.
SHARED = ("synthesize", "stack", "cloud", "bundle", "wider_root", "local")

# A copy of the template does not get the template's privileges.
DATABASE_PRIVILEGES = """
    REVOKE CONNECT, TEMPORARY ON DATABASE this FROM PUBLIC;
    GRANT CONNECT ON DATABASE this TO ingest, analyst, reader, masker, remover, custodian, linker;
    GRANT TEMPORARY ON DATABASE this TO ingest
"""

_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    # At each start, pytest closes its shared folder in /tmp to other users. As root, Postgres runs as another user, so
    # the servers of every other run would lose their data. A folder for each run avoids that.
    root = tempfile.mkdtemp(prefix="logins-")
    os.environ["PYTEST_DEBUG_TEMPROOT"] = root
    config.add_cleanup(lambda: shutil.rmtree(root, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in SHARED:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with (
        tempfile.TemporaryDirectory(prefix="logins-", dir=_fast_disk()) as directory,
        PostgresServer(Path(directory) / "postgres", FAST) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsEndpoint]:
    endpoint = AwsEndpoint(tmp_path_factory.mktemp("aws")).start()
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="session")
def passwords(postgres_server: PostgresServer) -> dict[str, str]:
    """The passwords of the roles that log in. This fixture also makes the template database and migrates it."""
    made = {role: secrets.token_urlsafe(16) for role in ("ingest", "analyst")}
    _administrate(postgres_server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    settings = load_database_settings(postgres_server.environment(TEMPLATE))
    with closing(psycopg2.connect(**connection_arguments(settings))) as connection:
        migrate(connection)
    for role, password in made.items():
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
        _administrate(postgres_server, statement)
    return made


@pytest.fixture
def database(postgres_server: PostgresServer, passwords: dict[str, str]) -> Iterator[Scratch]:
    name = f"test_{next(_numbers)}"
    # For hundreds of small files, a copy takes less time than writing them to the log.
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    _administrate(postgres_server, create.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    scratch = Scratch(postgres_server, name, passwords)
    scratch.execute(DATABASE_PRIVILEGES)
    yield scratch
    scratch.close()
    _administrate(postgres_server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def salt(aws: AwsEndpoint) -> SaltParameter:
    if aws.has_ended:  # during another test
        aws.start()
    parameter = SaltParameter(aws, f"/test/{secrets.token_hex(8)}/salt")
    parameter.rotate()
    return parameter


@pytest.fixture
def function(
    database: Scratch,
    salt: SaltParameter,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Function]:
    for name, value in function_environment(database, salt).items():
        monkeypatch.setenv(name, value)
    fresh = Function(capsys)
    fresh.restart()
    yield fresh
    fresh.restart()


@pytest.fixture
def proxy(function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresProxy]:
    """A proxy between the function and Postgres."""
    started = PostgresProxy(database.server.port).start()
    monkeypatch.setenv("PGPORT", str(started.port))
    function.restart()
    yield started
    started.refuse()


@pytest.fixture
def execution_environments(
    database: Scratch, salt: SaltParameter
) -> Iterator[Callable[[dict[str, str]], ExecutionEnvironment]]:
    """A call starts an execution environment; its variables replace those of the function."""
    started = []

    def start(variables: dict[str, str]) -> ExecutionEnvironment:
        started.append(ExecutionEnvironment(function_environment(database, salt) | variables))
        return started[-1]

    yield start
    for environment in started:
        environment.close()


def _fast_disk() -> str | None:
    """Return a directory in memory; None if there is none, if it is small, or if TMPDIR names a place."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        return None
    return str(MEMORY)


def _administrate(server: PostgresServer, statement: sql.Composable) -> None:
    server.start()  # a failed test may have stopped it
    settings = load_database_settings(server.environment("postgres"))
    with closing(psycopg2.connect(**connection_arguments(settings))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
