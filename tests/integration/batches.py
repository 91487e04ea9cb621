"""Batches and assertions that the tests of the write share."""

import itertools
import math
import uuid
from collections.abc import Callable
from typing import Any

from lambda_src import handler
from lambda_src.staging import CREATE_ARRIVALS
from tests.function import Function
from tests.scratch import Scratch
from tests.support import Record, make_record

NOT_WRITTEN = "batch not written, the queue will deliver it again"
IN_PART = "batch written in part, the queue will deliver the rest again"
TRIED_AGAIN = "write failed, trying once more"

Trap = Callable[..., list[Record]]  # fixture `trap`: an action and the place of its record, to 300 records

_numbers = itertools.count(1)


def ids(records: list[Record]) -> list[str]:
    """Returns the messageIds."""
    return [record["messageId"] for record in records]


def make_ordered(count: int, special: dict[int, dict[str, Any]] | None = None) -> list[Record]:
    """Returns `count` valid records in the order of the function's write; `special` changes fields by place."""
    return [
        make_record(
            **({"user_id": f"user {place}"} | (special or {}).get(place, {})),
            message_id=str(uuid.UUID(int=next(_numbers))),
        )
        for place in range(count)
    ]


def make_refusable(count: int, places: set[int]) -> tuple[list[Record], list[Record]]:
    """Returns the good and the bad of `count` ordered records. The bad records, at `places`, have the locale ZZ."""
    records = make_ordered(count, {place: {"locale": "ZZ"} for place in places})
    good = [record for place, record in enumerate(records) if place not in places]
    return good, [records[place] for place in sorted(places)]


def refuse(database: Scratch, state: str = "22023", condition: str = "NEW.locale = 'ZZ'") -> None:
    """Creates a trigger that refuses the rows that match `condition`."""
    database.execute(
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON user_logins FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse();
        """
    )


def refuse_late(database: Scratch) -> None:
    """Creates a deferred trigger that refuses the locale ZZ, so that only the COMMIT fails."""
    database.execute(
        """
        CREATE FUNCTION refuse_late() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '23514'; END $$;
        CREATE CONSTRAINT TRIGGER refuse_late AFTER INSERT ON user_logins DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.locale = 'ZZ') EXECUTE FUNCTION refuse_late();
        """
    )


def refuse_early(database: Scratch) -> None:
    """Makes the staging table refuse the locale ZZ; a trigger refuses it in every other way to write.

    This stands for a database whose encoding lacks a character.
    """
    refuse(database)
    with handler.get_resources().database.transaction(math.inf) as cursor:
        cursor.execute(CREATE_ARRIVALS)
        cursor.execute("ALTER TABLE pg_temp.arrivals ADD CHECK (locale <> 'ZZ')")


def assert_nothing_written(function: Function, database: Scratch, records: list[Record]) -> None:
    """Asserts that the function reports all `records` as failed, and writes, rejects and loses none."""
    assert function(*records) == ids(records)
    assert (database.count(), database.count("rejected_logins")) == (0, 0)
    output = function.read_output()
    assert (output.metrics["RecordsReceived"], output.metrics["RecordsFailed"]) == (len(records), len(records))
    assert "RecordsWritten" not in output.metrics
    (line,) = output.lines(NOT_WRITTEN)
    assert line["level"] == "ERROR"


def assert_written(function: Function, database: Scratch, records: list[Record]) -> None:
    """Asserts that the function now writes all `records`, each as one row."""
    assert function(*records) == []
    assert database.rows() == sorted((f"user {number}",) for number in range(len(records)))


def assert_settled(function: Function, database: Scratch, good: list[Record], bad: list[Record]) -> None:
    """Asserts that one invocation writes `good`, rejects `bad` with the reason `database`, and reports `bad`."""
    records = sorted([*good, *bad], key=lambda record: str(record["messageId"]))
    assert set(function(*records, seconds=60)) == set(ids(bad))
    assert_rows(database, good)
    assert_refused(database, bad)


def assert_rows(database: Scratch, records: list[Record]) -> None:
    """Asserts that the table has exactly the rows of `records`, each once."""
    assert database.rows("event_id") == sorted((key,) for key in ids(records))


def assert_refused(database: Scratch, records: list[Record]) -> None:
    """Asserts that the rejects are exactly `records`, with the reason `database`."""
    assert database.rows("event_id, reason", "rejected_logins") == sorted((key, "database") for key in ids(records))
