"""The real servers that tests run against, and the function as Lambda would start it."""

import base64
import itertools
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psycopg2
import pytest
from psycopg2 import extensions, sql

from lambda_src import handler, metrics
from lambda_src.connection import connection_arguments
from lambda_src.migrate import migrate
from lambda_src.settings import load_database_settings
from local.aws import AwsEndpoint
from local.postgres import PostgresServer
from tests.chaos.proxy import PostgresProxy
from tests.integration.runtime import END
from tests.support import Context, Output, Record, failed_ids

if TYPE_CHECKING:
    import logging

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "template_logins"
# Nothing has to outlive this machine's crash.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "40"}

MEMORY = Path("/dev/shm")  # noqa: S108  a file system in memory, where there is one
ROOM = 2**31  # bytes that the databases of a run may take
# Dear to make: all tests that use one run in the same process.
SHARED = ("synthesize", "stack", "cloud", "bundle", "wider_root", "local")

# A copy does not have those of its template.
DATABASE_PRIVILEGES = """
    REVOKE CONNECT, TEMPORARY ON DATABASE this FROM PUBLIC;
    GRANT CONNECT ON DATABASE this TO ingest, analyst, operator, custodian;
    GRANT TEMPORARY ON DATABASE this TO ingest
"""

_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    # pytest closes its shared folder in /tmp to others at each start: under root, where Postgres runs as another user,
    # that takes the data from the servers of every other run.
    root = tempfile.mkdtemp(prefix="logins-")
    os.environ["PYTEST_DEBUG_TEMPROOT"] = root
    config.add_cleanup(lambda: shutil.rmtree(root, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in SHARED:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(name))


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
        """PG* for `user`: postgres, ingest or analyst."""
        return self.server.environment(self.name, user, self.passwords.get(user))

    def connect(self, user: str = "postgres") -> extensions.connection:
        """A new connection, in autocommit mode."""
        settings = load_database_settings(self.environment(user))
        connection: extensions.connection = psycopg2.connect(**connection_arguments(settings))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'")  # a test that waits for itself fails
        return connection

    def execute(self, statement: str, *values: Any) -> None:
        """Runs statements as superuser."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement.replace("DATABASE this", f"DATABASE {self.name}"), values or None)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query as superuser."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def rows(self, columns: str = "user_id", table: str = "user_logins") -> list[tuple[Any, ...]]:
        """The columns of all rows, in order."""
        return sorted(self.query(f"SELECT {columns} FROM {table}"), key=repr)

    def count(self, table: str = "user_logins") -> int:
        """How many rows the table has."""
        ((count,),) = self.query(f"SELECT count(*) FROM {table}")
        assert isinstance(count, int)
        return count

    def disconnect_function(self) -> int:
        """Ends the function's connections as a failing server would; returns how many there were."""
        return len(
            self.query(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = %s AND usename = 'ingest'",
                self.name,
            )
        )

    def wait_for_waiting(self, sessions: int = 1) -> None:
        """Returns once so many sessions wait for a lock; fails where they do not for seconds."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            for _ in range(500):
                cursor.execute(
                    "SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid) "
                    "WHERE NOT granted AND datname = current_database()"
                )
                if cursor.rowcount >= sessions:
                    return
                cursor.execute("SELECT pg_sleep(0.01)")
        raise AssertionError("nobody waits for a lock")

    def reconnect(self) -> None:
        """Connects anew after the server was away."""
        self._connection.close()
        self._connection = self.connect()

    def close(self) -> None:
        """Ends the superuser's connection."""
        self._connection.close()


@dataclass
class SaltParameter:
    """A salt of one test's own in SSM."""

    aws: AwsEndpoint
    name: str
    key: bytes = b""
    version: int = 0

    def put(self, value: str) -> None:
        """Stores a new version with that text."""
        answer = self.aws.ssm.put_parameter(Name=self.name, Value=value, Type="SecureString", Overwrite=True)
        self.version = answer["Version"]

    def rotate(self) -> bytes:
        """Stores a new random key; returns it."""
        self.put_key(secrets.token_bytes(32))
        return self.key

    def put_key(self, key: bytes) -> None:
        """Stores a new version with that key."""
        self.key = key
        self.put(base64.b64encode(key).decode())

    def delete(self) -> None:
        """Takes the parameter away."""
        self.aws.ssm.delete_parameter(Name=self.name)


class Function:
    """The function in a fresh execution environment, as Lambda starts one."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *records: Record, seconds: float = 30) -> list[str]:
        """Invokes it with one batch, `seconds` before its timeout; returns the messageIds that it calls failed."""
        return failed_ids(self.invoke({"Records": list(records)}, seconds))

    def invoke(self, event: Any, seconds: float = 30) -> Any:
        """Hands it any event at all."""
        log = cast("logging.StreamHandler[Any]", metrics.logger.registered_handler)
        previous = log.setStream(sys.stdout)  # in place of what was standard output when it was imported
        try:
            return handler.lambda_handler(event, Context(seconds))
        finally:
            log.setStream(previous or sys.stdout)

    def read_output(self) -> Output:
        """What it has printed since the last time."""
        return Output.parse(self._capture.readouterr().out)

    def read_errors(self) -> str:
        """What has come to standard error since the last time that anything was read."""
        return self._capture.readouterr().err

    def restart(self) -> None:
        """Forgets all that an execution environment holds."""
        if handler.get_resources.cache_info().currsize:
            handler.get_resources().database.close()
        handler.get_resources.cache_clear()


class ExecutionEnvironment:
    """The function in a process of its own, with all that it lets out."""

    def __init__(self, variables: dict[str, str], root: Path = ROOT) -> None:
        """Takes what the function is configured by, and the root of the tree that it is in."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.runtime"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=root,
            env={"PATH": os.environ["PATH"], **variables},
            text=True,
        )
        self.printed = ""

    def send(self, *records: Record) -> None:
        """Starts an invocation with one batch."""
        self.send_event({"Records": list(records)})

    def send_event(self, event: Any) -> None:
        """Starts an invocation with any event."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The answer: response or error, and peak_kib."""
        assert self._process.stdout is not None
        lines: list[str] = []
        for line in self._process.stdout:
            if line.rstrip() == END:
                answer: dict[str, Any] = json.loads(lines[-1])
                return answer
            lines.append(line)
            self.printed += line
        raise AssertionError(f"the process has ended: {self.read_errors()}")

    def invoke(self, *records: Record) -> dict[str, Any]:
        """Invokes it with one batch and waits for the answer."""
        self.send(*records)
        return self.receive()

    def read_errors(self) -> str:
        """Its standard error."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()
        self._errors.close()


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
    """The log-in roles' passwords; with them comes the template database, migrated."""
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
    # Hundreds of small files are copied in less time than they are written to the log.
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    _administrate(postgres_server, create.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    scratch = Scratch(postgres_server, name, passwords)
    scratch.execute(DATABASE_PRIVILEGES)
    yield scratch
    scratch.close()
    _administrate(postgres_server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def salt(aws: AwsEndpoint) -> SaltParameter:
    if aws.has_ended:  # while another test ran
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
    """Starts execution environments, each with the variables given on top."""
    started = []

    def start(variables: dict[str, str]) -> ExecutionEnvironment:
        started.append(ExecutionEnvironment(function_environment(database, salt) | variables))
        return started[-1]

    yield start
    for environment in started:
        environment.close()


def function_environment(database: Scratch, salt: SaltParameter) -> dict[str, str]:
    """All that the function is configured by."""
    return database.environment("ingest") | salt.aws.environment | {"SALT_PARAMETER": salt.name}


def _fast_disk() -> str | None:
    """A directory in memory, unless there is none, it is small or TMPDIR names another place."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        return None
    return str(MEMORY)


def _administrate(server: PostgresServer, statement: sql.Composable) -> None:
    server.start()  # a test that has failed may have left it down
    settings = load_database_settings(server.environment("postgres"))
    with closing(psycopg2.connect(**connection_arguments(settings))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
