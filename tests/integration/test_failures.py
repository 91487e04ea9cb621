"""Each row of the failure table, provoked for real."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from lambda_src.errors import PipelineError, SaltError, SettingsError, SetupError
from local.postgres import PostgresServer, free_port
from tests.chaos.proxy import Cut, PostgresProxy, Rule, Step
from tests.conftest import Function, SaltParameter, Scratch
from tests.support import Record, make_record, make_records

NOT_WRITTEN = "batch not written, the queue will deliver it again"


class Trap(Record):
    """A record that does something when the function comes to it, with the COPY under way."""

    def __init__(self, record: Record, action: Callable[[], Any]) -> None:
        super().__init__(record)
        self._action: Callable[[], Any] | None = action

    def get(self, key: str, default: Any = None) -> Any:
        """As that of a dict; the first time for the body with the action before."""
        if key == "body" and self._action is not None:
            action, self._action = self._action, None
            action()
        return super().get(key, default)


def trapped(action: Callable[[], Any], place: int = 200) -> list[Record]:
    """300 valid records in the order in which the function writes them; it comes to the trap amid the COPY."""
    records = sorted(make_records(300), key=lambda record: str(record["messageId"]))
    records[place] = Trap(records[place], action)
    return records


def ids(records: list[Record]) -> list[str]:
    """The messageIds."""
    return [record["messageId"] for record in records]


def assert_nothing_written(function: Function, database: Scratch, records: list[Record]) -> None:
    """The function reports all of `records` as failed, and writes, rejects and loses none."""
    assert function(*records) == ids(records)
    assert (database.count(), database.count("rejected_logins")) == (0, 0)
    output = function.read_output()
    assert (output.metrics["RecordsReceived"], output.metrics["RecordsFailed"]) == (len(records), len(records))
    assert "RecordsWritten" not in output.metrics
    (line,) = output.lines(NOT_WRITTEN)
    assert line["level"] == "ERROR"


def assert_written(function: Function, database: Scratch, records: list[Record]) -> None:
    """The function now writes all of `records`, each as one row."""
    assert function(*records) == []
    assert database.rows() == sorted((f"user {number}",) for number in range(len(records)))


# ---- the connection ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 200, 299], ids=["first", "middle", "last"])
def test_connection_killed_in_the_middle_of_a_batch(function: Function, database: Scratch, place: int) -> None:
    ended: list[int] = []
    records = trapped(lambda: ended.append(database.disconnect_function()), place)
    assert function() == []  # so that there is a connection from the start
    function.read_output()
    assert_written(function, database, records)
    assert ended == [1]
    output = function.read_output()
    assert (output.metrics["RecordsWritten"], output.metrics["DuplicatesIgnored"]) == (300, 0)
    assert len(output.lines("write failed, trying once more")) == 1


def test_connection_killed_between_two_invocations(function: Function, database: Scratch) -> None:
    assert function(make_record(user_id="before")) == []
    assert database.disconnect_function() == 1
    assert function(make_record(user_id="after")) == []
    assert database.rows() == [("after",), ("before",)]


def test_connection_is_kept_between_invocations(function: Function, database: Scratch) -> None:
    backends = set()
    for _ in range(3):
        assert function(*make_records(2), make_record("{"))
        backends |= set(database.query("SELECT pid FROM pg_stat_activity WHERE usename = 'ingest'"))
    assert len(backends) == 1


def test_postgres_stopped_and_started_again(
    function: Function, database: Scratch, postgres_server: PostgresServer
) -> None:
    records = make_records(5)
    assert function(make_record()) == []
    function.read_output()
    database.execute("TRUNCATE user_logins")
    postgres_server.stop("fast")
    assert function(*records) == ids(records)
    assert function.read_output().metrics["RecordsFailed"] == 5
    postgres_server.start()
    database.reconnect()
    assert_written(function, database, records)


def test_postgres_crashes_in_the_middle_of_a_batch(
    function: Function, database: Scratch, postgres_server: PostgresServer
) -> None:
    def crash() -> None:
        postgres_server.stop("immediate")
        postgres_server.start()

    records = trapped(crash)
    assert function(*records) == []
    database.reconnect()
    assert database.rows() == sorted((f"user {number}",) for number in range(300))


def test_nobody_listens(
    function: Function, database: Scratch, salt: SaltParameter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", str(free_port()))
    assert_nothing_written(function, database, make_records(3))


@pytest.mark.parametrize(
    ("count", "rejects", "end"),
    [(20, 0, Step.DATA_END), (300, 0, Step.COMMIT), (20, 1, Step.COMMIT)],
    ids=["one statement", "large batch", "with a reject"],
)
def test_answer_to_the_commit_is_lost(
    function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch, count: int, rejects: int, end: Step
) -> None:
    """The first try is written, which the function cannot know; the second must not write it again."""
    proxy = PostgresProxy(database.server.port).start()
    monkeypatch.setenv("PGPORT", str(proxy.port))
    bad = [make_record("{") for _ in range(rejects)]
    rule = Rule(end, Cut.ANSWERED)
    proxy.arm(rule)
    assert function(*make_records(count), *bad) == ids(bad)
    assert rule.fired == 1
    assert function.read_output().metrics["DuplicatesIgnored"] == count
    proxy.refuse()
    assert database.rows() == sorted((f"user {number}",) for number in range(count))
    assert database.count("rejected_logins") == rejects


# ---- contention and limits ---------------------------------------------------------------------------------------


def execute(connection: extensions.connection, statement: str) -> None:
    """Runs one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def locked(database: Scratch, table: str) -> Iterator[extensions.connection]:
    """Within the block another session holds the table."""
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


def test_deadlock(function: Function, database: Scratch) -> None:
    """The batch holds user_logins and wants rejected_logins; another session has it the other way round."""
    database.execute(f"ALTER ROLE ingest IN DATABASE {database.name} SET deadlock_timeout = '10ms'")
    with locked(database, "rejected_logins") as other:
        execute(other, "SET deadlock_timeout = '1min'")  # so that it is the batch that gives up

        def take_logins() -> None:
            execute(other, "LOCK TABLE user_logins IN SHARE MODE")
            other.rollback()

        crossing = threading.Thread(target=take_logins)

        def cross() -> None:
            crossing.start()
            database.wait_for_waiting()

        bad = make_record("{")
        assert function(*trapped(cross), bad) == [bad["messageId"]]
        crossing.join()
    (line,) = function.read_output().lines("write failed, trying once more")
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


def test_server_that_fails_over_in_the_middle_of_a_batch(function: Function, database: Scratch) -> None:
    """The connection ends, and where the next one leads nothing can be written."""

    def fail_over() -> None:
        database.execute("ALTER DATABASE this SET default_transaction_read_only = on")
        database.disconnect_function()

    records = trapped(fail_over)
    assert_nothing_written(function, database, records)
    database.execute("ALTER DATABASE this RESET default_transaction_read_only")
    assert_written(function, database, records)


# ---- set-up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("PGPASSWORD", "wrong", "password authentication failed"),
        ("PGUSER", "nobody-at-all", "authentication failed"),
        ("PGDATABASE", "no_such_database", "does not exist"),
        ("PGPASSWORD", "", "no password supplied"),
    ],
)
def test_log_in_that_is_refused(
    function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert_invocation_fails(function, database, SetupError, words)


@pytest.mark.parametrize(
    ("breakage", "words"),
    [
        ("DROP TABLE user_logins CASCADE", "42P01"),
        ("DROP TABLE rejected_logins", "42P01"),
        ("REVOKE INSERT ON user_logins FROM ingest", "42501"),
        ("REVOKE INSERT ON rejected_logins FROM ingest", "42501"),
        ("ALTER TABLE user_logins RENAME COLUMN locale TO language", "42703"),
        ("DROP TABLE user_logins_default", "partition"),
        ("REVOKE CONNECT ON DATABASE this FROM PUBLIC, ingest", "permission denied"),
    ],
)
def test_schema_that_does_not_fit(function: Function, database: Scratch, breakage: str, words: str) -> None:
    database.execute(breakage)
    assert_invocation_fails(function, database, SetupError, words)


def assert_invocation_fails(function: Function, database: Scratch, error: type[PipelineError], words: str) -> None:
    """The whole invocation fails with `words` in its message, and writes and rejects nothing."""
    with pytest.raises(error, match=words) as caught:
        function(*make_records(2, sent=1), make_record("{"))
    assert not [link for link in chain(caught.value) if isinstance(link, psycopg2.Error) and link.pgcode]
    tables = ("user_logins", "rejected_logins")
    assert not [table for table in tables if exists(database, table) and database.count(table)]
    assert function.read_output().metrics["RecordsReceived"] == 3


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that hang on it."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


def exists(database: Scratch, table: str) -> bool:
    """Whether the database has that table."""
    return database.query("SELECT to_regclass(%s) IS NOT NULL", table) == [(True,)]


def test_environment_that_is_incomplete(function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGHOST")
    assert_invocation_fails(function, database, SettingsError, "PGHOST")
    monkeypatch.setenv("PGHOST", database.server.host)
    assert function(make_record()) == []


def test_salt_that_does_not_exist(function: Function, database: Scratch, salt: SaltParameter) -> None:
    salt.delete()
    assert_invocation_fails(function, database, SaltError, "ParameterNotFound")
    salt.rotate()
    assert function(make_record()) == []


# ---- data --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "places",
    [{0}, {4}, {8}, {0, 8}, {3, 4, 5}, set(range(9))],
    ids=["first", "middle", "last", "both ends", "neighbours", "all"],
)
def test_row_that_the_database_refuses_is_rejected_alone(
    function: Function, database: Scratch, places: set[int]
) -> None:
    database.execute("ALTER TABLE user_logins ADD CHECK (locale <> 'ZZ')")
    records = sorted(make_records(9), key=lambda record: str(record["messageId"]))
    for place in places:
        records[place] = make_record(locale="ZZ", message_id=records[place]["messageId"])
    bad = [record["messageId"] for place, record in enumerate(records) if place in places]
    invalid = make_record("{")
    assert function(*records, invalid) == [*bad, invalid["messageId"]]
    assert database.rows("event_id") == sorted((key,) for key in set(ids(records)) - set(bad))
    assert database.rows("event_id, message_id, reason, field, times", "rejected_logins") == sorted(
        [(key, key, "database", None, 1) for key in bad] + [(*[invalid["messageId"]] * 2, "invalid_json", None, 1)]
    )
    output = function.read_output()
    assert output.metrics["RecordsWritten"] == 9 - len(bad)
    assert output.metrics["RecordsRejected"] == len(bad) + 1
    assert output.rejected == {"database": len(bad), "invalid_json": 1}


def test_row_that_the_database_refuses_among_duplicates(function: Function, database: Scratch) -> None:
    records = make_records(6)
    assert function(*records[:3]) == []
    function.read_output()
    database.execute("ALTER TABLE user_logins ADD CHECK (locale <> 'ZZ') NOT VALID")
    bad = make_record(locale="ZZ")
    assert function(*records, bad, bad) == ids([bad, bad])
    assert database.count() == 6
    metrics = function.read_output().metrics
    assert (metrics["RecordsWritten"], metrics["DuplicatesIgnored"]) == (3, 3)


def test_connection_killed_while_duplicates_are_sought(function: Function, database: Scratch) -> None:
    records = make_records(10)
    assert function(*records[:5]) == []
    database.execute(
        """
        CREATE SEQUENCE writes;
        CREATE FUNCTION end_second_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF nextval('writes') = 2 THEN
                PERFORM pg_terminate_backend(pg_backend_pid());
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER end_second_write BEFORE INSERT ON user_logins EXECUTE FUNCTION end_second_write();
        """
    )
    assert_written(function, database, records)
    assert database.query("SELECT last_value FROM writes") == [(3,)]
