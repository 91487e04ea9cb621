"""Tests rows of the failure table with real failures: the connection breaks, or none can be made."""

import pytest

from local.postgres import PostgresServer, free_port
from tests.chaos.proxy import Cut, PostgresProxy, Rule, Step
from tests.function import Function
from tests.integration.batches import TRIED_AGAIN, Trap, assert_nothing_written, assert_written, ids
from tests.scratch import Scratch
from tests.support import make_record, make_records


@pytest.mark.parametrize("place", [0, 200, 299], ids=["first", "middle", "last"])
def test_connection_killed_in_the_middle_of_a_batch(
    function: Function, database: Scratch, trap: Trap, place: int
) -> None:
    ended: list[int] = []
    records = trap(lambda: ended.append(database.disconnect_function()), place)
    assert function() == []  # Now there is a connection.
    function.read_output()
    assert_written(function, database, records)
    assert ended == [1]
    output = function.read_output()
    assert (output.metrics["RecordsWritten"], output.metrics["DuplicatesIgnored"]) == (300, 0)
    assert len(output.lines(TRIED_AGAIN)) == 1


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
    function: Function, database: Scratch, postgres_server: PostgresServer, trap: Trap
) -> None:
    def crash() -> None:
        postgres_server.stop("immediate")
        postgres_server.start()

    records = trap(crash)
    assert function(*records) == []
    database.reconnect()
    assert database.rows() == sorted((f"user {number}",) for number in range(300))


def test_nobody_listens(function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", str(free_port()))
    assert_nothing_written(function, database, make_records(3))


@pytest.mark.parametrize(
    ("count", "rejects", "end"),
    [(20, 0, Step.DATA_END), (300, 0, Step.COMMIT), (20, 1, Step.COMMIT)],
    ids=["one statement", "large batch", "with a reject"],
)
def test_answer_to_the_commit_is_lost(
    function: Function, database: Scratch, proxy: PostgresProxy, count: int, rejects: int, end: Step
) -> None:
    """The first try is committed, but the function cannot know that. The second try must not write again."""
    bad = [make_record("{") for _ in range(rejects)]
    rule = Rule(end, Cut.ANSWERED)
    proxy.arm(rule)
    assert function(*make_records(count), *bad) == ids(bad)
    assert rule.fired == 1
    assert function.read_output().metrics["DuplicatesIgnored"] == count
    assert database.rows() == sorted((f"user {number}",) for number in range(count))
    assert database.count("rejected_logins") == rejects


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
