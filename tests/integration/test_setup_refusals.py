"""Some refusals show that the set-up is wrong. Then nothing is rejected, and nothing is lost after a repair."""

from collections.abc import Callable

import pytest

from lambda_src.errors import SetupError
from local.aws import AwsEndpoint
from tests.function import Function
from tests.integration.batches import (
    IN_PART,
    assert_rows,
    assert_settled,
    ids,
    make_ordered,
    make_refusable,
    refuse,
    refuse_late,
)
from tests.scratch import Scratch
from tests.support import Record, make_record, make_records

ADD_COLUMN = "ALTER TABLE user_logins ADD COLUMN country text; ALTER TABLE {} ALTER COLUMN country SET NOT NULL"


def assert_setup_is_wrong(function: Function, database: Scratch, records: list[Record], words: str) -> None:
    """Asserts that the invocation fails with `words`, and adds no row and no reject."""
    before = database.count(), database.rows("event_id, times", "rejected_logins")
    with pytest.raises(SetupError, match=words):
        function(*records)
    assert (database.count(), database.rows("event_id, times", "rejected_logins")) == before


# ---- the same SQLSTATE for all of ten or more rows ----------------------------------------------------------------


@pytest.mark.parametrize("count", [10, 250])
@pytest.mark.parametrize("refusing", [refuse, refuse_late], ids=["each row", "the COMMIT"])
def test_each_of_ten_or_more_rows_is_refused(
    function: Function, database: Scratch, aws: AwsEndpoint, queue: str, count: int, refusing: Callable[[Scratch], None]
) -> None:
    refusing(database)
    _, bad = make_refusable(count, set(range(count)))
    records = [*bad, make_record("{")]
    assert_setup_is_wrong(function, database, records, "every row of a batch with SQLSTATE 2")
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=queue)
    database.execute("DROP FUNCTION IF EXISTS refuse, refuse_late CASCADE")
    assert function(*records) == []
    assert_rows(database, bad)
    assert database.rows("reason", "rejected_logins") == [("invalid_json",)]
    (letter,) = aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert letter["Body"] == "{"


def test_each_of_nine_rows_is_refused(function: Function, database: Scratch) -> None:
    refuse(database)
    _, bad = make_refusable(9, set(range(9)))
    assert_settled(function, database, [], bad)


def test_nine_of_ten_refused_rows_are_new(function: Function, database: Scratch) -> None:
    refuse(database)
    _, bad = make_refusable(10, set(range(10)))
    assert set(function(bad[4])) == {bad[4]["messageId"]}
    assert_settled(function, database, [], bad)
    assert database.rows("times", "rejected_logins") == [(1,)] * 9 + [(2,)]


def test_reject_of_another_reason_is_new(function: Function, database: Scratch) -> None:
    """Only events that the database refused before do not count."""
    refuse(database)
    _, bad = make_refusable(10, set(range(10)))
    before = make_record("{", message_id=bad[4]["messageId"])
    assert function(before) == [before["messageId"]]
    assert_setup_is_wrong(function, database, bad, "every row")


def test_one_event_that_comes_ten_times_is_one(function: Function, database: Scratch) -> None:
    refuse(database)
    _, (bad,) = make_refusable(1, {0})
    again = [make_record(bad["body"], attributes={"event_id": bad["messageId"]}) for _ in range(10)]
    assert function(bad, *again) == ids([bad, *again])
    assert database.rows("event_id, reason, times", "rejected_logins") == [(bad["messageId"], "database", 11)]


def test_rows_refused_with_two_states(function: Function, database: Scratch) -> None:
    refuse(database, condition="NEW.device_type = 'x'")
    database.execute("ALTER TABLE user_logins ADD CHECK (locale <> 'ZZ')")
    records = make_ordered(20, {place: {"locale": "ZZ"} if place % 2 else {"device_type": "x"} for place in range(20)})
    assert_settled(function, database, [], records)


@pytest.mark.parametrize("place", [0, 149])
def test_one_row_of_many_is_accepted(function: Function, database: Scratch, place: int) -> None:
    refuse(database)
    good, bad = make_refusable(150, set(range(150)) - {place})
    assert_settled(function, database, good, bad)
    assert len(good) == 1


# ---- a column that the function does not write --------------------------------------------------------------------


@pytest.mark.parametrize("table", ["user_logins", "user_logins_default"])
@pytest.mark.parametrize("kind", ["one record", "many", "with a reject", "with duplicates"])
def test_column_that_the_function_does_not_write(
    function: Function, database: Scratch, aws: AwsEndpoint, queue: str, table: str, kind: str
) -> None:
    records = make_records(300 if kind == "many" else 1)
    if kind == "with a reject":
        records.append(make_record("{"))
    elif kind == "with duplicates":
        assert function(*records) == []
        database.execute("ALTER TABLE user_logins ADD COLUMN country text; UPDATE user_logins SET country = 'x'")
        database.execute(f"ALTER TABLE {table} ALTER COLUMN country SET NOT NULL")
        records += make_records(20)
    if kind != "with duplicates":
        database.execute(ADD_COLUMN.format(table))
    assert_setup_is_wrong(function, database, records, "user_logins_default.country is NOT NULL")
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=queue)
    database.execute(f"ALTER TABLE {table} ALTER COLUMN country DROP NOT NULL")
    assert function(*records) == []
    assert database.count() == sum(record["body"] != "{" for record in records)


@pytest.mark.parametrize("count", [1, 9, 150])
def test_column_that_the_function_does_not_write_beside_refused_rows(
    function: Function, database: Scratch, count: int
) -> None:
    """A refused row comes first, so the function writes row by row when it meets the fault."""
    refuse(database)
    database.execute(ADD_COLUMN.format("user_logins"))
    good, bad = make_refusable(count + 1, {0})
    assert_setup_is_wrong(function, database, [*bad, *good], "user_logins_default.country is NOT NULL")
    database.execute("ALTER TABLE user_logins ALTER COLUMN country DROP NOT NULL")
    assert_settled(function, database, good, bad)


def test_own_column_that_a_trigger_empties(function: Function, database: Scratch) -> None:
    """A NOT NULL violation of a column that the function writes is the record's fault."""
    database.execute(
        """
        CREATE FUNCTION empty_it() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.device_type = NULL; RETURN NEW; END $$;
        CREATE TRIGGER empty_it BEFORE INSERT ON user_logins FOR EACH ROW WHEN (NEW.locale = 'ZZ')
            EXECUTE FUNCTION empty_it();
        """
    )
    good, bad = make_refusable(20, {3, 4})
    assert_settled(function, database, good, bad)


def test_trigger_that_names_a_column(function: Function, database: Scratch) -> None:
    """RAISE can put anything into the fields of an error, values too: such a refusal is the record's fault."""
    database.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE not_null_violation USING COLUMN = NEW.user_id; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON user_logins FOR EACH ROW WHEN (NEW.locale = 'ZZ')
            EXECUTE FUNCTION refuse();
        """
    )
    good, bad = make_refusable(20, {3, 4})
    assert_settled(function, database, good, bad)


def test_table_of_rejects_that_refuses(function: Function, database: Scratch) -> None:
    """The function writes the rows, and only the reject comes back. Its delivery fails until the table is repaired."""
    database.execute("ALTER TABLE rejected_logins ADD CHECK (times < 0)")
    records = [*make_ordered(3), make_record("{")]
    assert function(*records) == ids(records[3:])
    assert_rows(database, records[:3])
    (line,) = function.read_output().lines(IN_PART)
    assert line["error"] == "rejected_logins refuses a reject. Run the migrations."
    assert_setup_is_wrong(function, database, records[3:], "rejected_logins refuses")
    database.execute("ALTER TABLE rejected_logins DROP CONSTRAINT rejected_logins_times_check")
    assert function(*records) == ids(records[3:])
    assert database.rows("reason", "rejected_logins") == [("invalid_json",)]
