"""The proxy fails where it is told to, before a real Postgres."""

from collections.abc import Callable, Iterator

import psycopg2
import pytest
from psycopg2 import extensions

from tests.chaos.proxy import Cut, Event, PostgresProxy, Rule, Step
from tests.scratch import Scratch

COPY = "COPY numbers FROM STDIN"


@pytest.fixture
def proxy(database: Scratch) -> Iterator[PostgresProxy]:
    database.execute("CREATE TABLE numbers (n integer)")
    started = PostgresProxy(database.server.port).start()
    yield started
    started.refuse()


@pytest.fixture
def connect(database: Scratch, proxy: PostgresProxy) -> Callable[[], extensions.connection]:
    environment = database.environment()

    def connect() -> extensions.connection:
        return psycopg2.connect(
            host="127.0.0.1",
            port=proxy.port,
            dbname=database.name,
            user=environment["PGUSER"],
            password=environment["PGPASSWORD"],
            sslmode="disable",
        )

    return connect


class Source:
    """Two rows for COPY, in a chunk each."""

    def __init__(self) -> None:
        self._chunks = [b"1\n", b"2\n"]

    def read(self, _size: int) -> bytes:
        """The next row."""
        return self._chunks.pop(0) if self._chunks else b""


def write(connection: extensions.connection) -> None:
    """A transaction of the function's kind."""
    with connection.cursor() as cursor:
        cursor.copy_expert(COPY, Source())  # type: ignore[arg-type]  # only read() is called
    connection.commit()


def test_traffic_without_a_rule_is_passed_on(connect: Callable[[], extensions.connection], database: Scratch) -> None:
    write(connect())
    assert database.count("numbers") == 2


@pytest.mark.parametrize(
    ("step", "cut", "written"),
    [
        (Step.BEGIN, Cut.BEFORE, 0),
        (Step.DATA, Cut.HALF, 0),
        (Step.DATA_END, Cut.BEFORE, 0),
        (Step.DATA_END, Cut.ANSWERED, 0),
        (Step.COMMIT, Cut.BEFORE, 0),
        (Step.COMMIT, Cut.AFTER, 2),
        (Step.COMMIT, Cut.ANSWERED, 2),
    ],
)
def test_cut_at_each_step(
    connect: Callable[[], extensions.connection],
    proxy: PostgresProxy,
    database: Scratch,
    step: Step,
    cut: Cut,
    written: int,
) -> None:
    connection = connect()
    rule = Rule(step, cut)
    proxy.arm(rule)
    with pytest.raises(psycopg2.OperationalError):
        write(connection)
    assert rule.fired == 1
    # Postgres may still be at work on what it got.
    database.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE state = 'idle in transaction'")
    write(connect())  # the rule is used up
    assert database.count("numbers") == written + 2


def test_refused_connections(connect: Callable[[], extensions.connection], proxy: PostgresProxy) -> None:
    proxy.refuse()
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        connect()
    proxy.start()
    write(connect())


def test_one_byte_at_a_time(connect: Callable[[], extensions.connection], proxy: PostgresProxy) -> None:
    proxy.one_byte = True
    write(connect())
    assert proxy.count(Event.IN_BYTES) > 5


def test_connection_that_only_postgres_has_lost(
    connect: Callable[[], extensions.connection], proxy: PostgresProxy
) -> None:
    connection = connect()
    assert proxy.forget() == 1
    assert connection.closed == 0
    with pytest.raises(psycopg2.OperationalError):
        write(connection)
