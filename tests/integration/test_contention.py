"""Tests rows of the failure table with real failures: locks, limits, and servers that refuse writes for a time."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from psycopg2 import extensions

from tests.function import Function
from tests.integration.batches import NOT_WRITTEN, TRIED_AGAIN, Trap, assert_nothing_written, assert_written, ids
from tests.scratch import Scratch
from tests.support import make_record, make_records


def execute(connection: extensions.connection, statement: str) -> None:
    """Runs one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def locked(database: Scratch, table: str) -> Iterator[extensions.connection]:
    """In the block, another session holds a lock on the table."""
    with closing(database.connect()) as other:
        other.autocommit = False
        execute(other, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield other


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_table_is_locked_for_too_long(function: Function, database: Scratch, limit: str) -> None:
    database.execute(f"ALTER ROLE ingest IN DATABASE {database.name} SET {limit} = '50ms'")
    records = make_records(3)
    with locked(database, "user_logins"):
        assert function(*records) == ids(records)
    assert "SQLSTATE 5" in function.read_output().lines(NOT_WRITTEN)[0]["error"]
    assert_written(function, database, records)


def test_rejects_are_locked_for_too_long(function: Function, database: Scratch) -> None:
    database.execute(f"ALTER ROLE ingest IN DATABASE {database.name} SET lock_timeout = '50ms'")
    records = [*make_records(3), make_record("{")]
    with locked(database, "rejected_logins"):
        assert function(*records) == ids(records)
    assert database.count() == 0
    assert function(*records) == ids(records[3:])
    assert (database.count(), database.count("rejected_logins")) == (3, 1)


def test_lock_that_ends_in_time(function: Function, database: Scratch) -> None:
    records = make_records(3)
    with locked(database, "user_logins") as other:

        def release() -> None:
            database.wait_for_waiting()
            other.rollback()

        releasing = threading.Thread(target=release)
        releasing.start()
        assert_written(function, database, records)
        releasing.join()


def test_invocation_ends_before_a_lock_does(function: Function, database: Scratch) -> None:
    records = make_records(3)
    with locked(database, "user_logins"):
        assert function(*records, seconds=1.3) == ids(records)
    assert function.read_output().metrics["RecordsFailed"] == 3
    assert_written(function, database, records)


def test_deadlock(function: Function, database: Scratch, trap: Trap) -> None:
    """The batch locks user_logins and then rejected_logins; another session locks them in the opposite order."""
    database.execute(f"ALTER ROLE ingest IN DATABASE {database.name} SET deadlock_timeout = '10ms'")
    with locked(database, "rejected_logins") as other:
        execute(other, "SET deadlock_timeout = '1min'")  # so that the batch is the one that gives up

        def take_logins() -> None:
            execute(other, "LOCK TABLE user_logins IN SHARE MODE")
            other.rollback()

        crossing = threading.Thread(target=take_logins)

        def cross() -> None:
            crossing.start()
            database.wait_for_waiting()

        bad = make_record("{")
        assert function(*trap(cross), bad) == [bad["messageId"]]
        crossing.join()
    (line,) = function.read_output().lines(TRIED_AGAIN)
    assert "40P01" in line["error"]
    assert (database.count(), database.count("rejected_logins")) == (300, 1)


@pytest.mark.parametrize(
    ("limit", "lift", "words"),
    [
        ("default_transaction_read_only = on", "default_transaction_read_only = off", "25006"),
        ("CONNECTION LIMIT 0", "CONNECTION LIMIT -1", "too many connections"),
    ],
    ids=["read-only", "too many connections"],
)
def test_server_that_takes_no_writes_for_a_while(
    function: Function, database: Scratch, limit: str, lift: str, words: str
) -> None:
    records = make_records(4)
    alter = "ALTER DATABASE this SET " if "=" in limit else "ALTER DATABASE this "
    database.execute(alter + limit)
    assert function(*records) == ids(records)
    assert words in function.read_output().lines(NOT_WRITTEN)[0]["error"]
    database.execute(alter + lift)
    assert_written(function, database, records)


def test_server_that_fails_over_in_the_middle_of_a_batch(function: Function, database: Scratch, trap: Trap) -> None:
    """The connection ends, and the next connection goes to a server that accepts no writes."""

    def fail_over() -> None:
        database.execute("ALTER DATABASE this SET default_transaction_read_only = on")
        database.disconnect_function()

    records = trap(fail_over)
    assert_nothing_written(function, database, records)
    database.execute("ALTER DATABASE this RESET default_transaction_read_only")
    assert_written(function, database, records)


def test_watchdog_that_could_not_start_starts_with_the_next_write(
    function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start
    refusals = [RuntimeError("can't start new thread")]

    def start_later(thread: threading.Thread) -> None:
        if thread.name == "watchdog" and refusals:
            raise refusals.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    with pytest.raises(RuntimeError, match="new thread"):
        function(make_record())
    record = make_record()
    with locked(database, "user_logins"):
        assert function(record, seconds=4) == [record["messageId"]]  # The lock of the test lasts longer.
