"""Rows that Postgres refuses because of their data are rejected; all others are written."""

from random import Random

import pytest

from tests.function import Function
from tests.integration.batches import (
    assert_refused,
    assert_rows,
    assert_settled,
    ids,
    make_ordered,
    make_refusable,
    refuse,
    refuse_early,
    refuse_late,
)
from tests.scratch import Scratch
from tests.support import make_record, make_records


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


@pytest.mark.parametrize(
    "state",
    ["22023", "23514", "P0001", "45000", "0A000", "54000"],
    ids=["data", "check without the name of a constraint", "no code", "code of one's own", "feature", "limit of a row"],
)
def test_trigger_that_refuses_half_of_600_rows(function: Function, database: Scratch, state: str) -> None:
    refuse(database, state)
    good, bad = make_refusable(600, set(range(0, 600, 2)))
    assert_settled(function, database, good, bad)
    metrics = function.read_output().metrics
    assert (metrics["RecordsWritten"], metrics["RecordsRejected"], metrics["RecordsFailed"]) == (300, 300, 0)
    assert function(*good) == []
    assert_rows(database, good)


def test_trigger_with_an_assertion_that_fails(function: Function, database: Scratch) -> None:
    """OTHERS in PL/pgSQL does not catch a failed assertion."""
    database.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN ASSERT NEW.locale <> 'ZZ'; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION refuse();
        """
    )
    good, bad = make_refusable(20, {3, 4})
    assert_settled(function, database, good, bad)


def test_every_second_of_ten_thousand_rows_is_refused(function: Function, database: Scratch) -> None:
    refuse(database)
    good, bad = make_refusable(10_000, set(range(1, 10_000, 2)))
    records = [*good, *bad]
    assert set(function(*records)) == set(ids(bad))
    assert_rows(database, good)
    assert_refused(database, bad)


def test_rows_of_very_different_length_are_told_apart(function: Function, database: Scratch) -> None:
    """If a long row does not fit on a page of the staging table, Postgres may store a later short row there."""
    refuse(database, condition="NEW.user_id LIKE '%!'")
    chance = Random(1)  # noqa: S311
    special = {}
    for place in range(3_000):
        is_long, is_bad = chance.random() < 0.5, chance.random() < 0.5
        face = "\N{GRINNING FACE}" * (32 if is_long else 1)
        special[place] = {
            "user_id": (face * 4)[:127] + ("!" if is_bad else "."),
            "app_version": "1" + face,
            "device_type": face,
            "locale": face,
        }
    records = make_ordered(3_000, special)
    bad = [record for record, fields in zip(records, special.values(), strict=True) if fields["user_id"][-1] == "!"]
    assert_settled(function, database, [record for record in records if record not in bad], bad)


def test_rows_that_only_the_commit_refuses(function: Function, database: Scratch) -> None:
    refuse_late(database)
    good, bad = make_refusable(230, {0, 50, 51, 229})
    assert_settled(function, database, good, bad)


def test_rows_that_the_staging_table_refuses(function: Function, database: Scratch) -> None:
    refuse_early(database)
    good, bad = make_refusable(230, {0, 50, 51, 229})
    assert_settled(function, database, good, bad)


def test_duplicates_refused_rows_and_rejects_in_one_batch(function: Function, database: Scratch) -> None:
    refuse(database)
    good, bad = make_refusable(250, {0, 120, 249})
    invalid = [make_record("{"), make_record(ip="x")]
    before = good[::3]
    assert function(*before) == []
    function.read_output()
    records = [*invalid, *bad, *good, *good[:5]]
    assert set(function(*records)) == set(ids(invalid + bad))
    assert_rows(database, good)
    metrics = function.read_output().metrics
    assert (metrics["RecordsWritten"], metrics["DuplicatesIgnored"]) == (len(good) - len(before), len(before) + 5)
    assert metrics["RecordsRejected"] == 5
    reasons = dict.fromkeys(ids(bad), "database") | {
        invalid[0]["messageId"]: "invalid_json",
        invalid[1]["messageId"]: "invalid_ip",
    }
    assert dict(database.rows("event_id, reason", "rejected_logins")) == reasons


@pytest.mark.parametrize("bad_first", [True, False])
def test_same_event_twice_of_which_one_is_refused(function: Function, database: Scratch, bad_first: bool) -> None:
    """Two contents have one event id. The content that Postgres accepts becomes the row; the other becomes a reject."""
    refuse(database)
    good, bad = make_ordered(2, {1: {"locale": "ZZ"}})
    event = {"event_id": "order 17"}
    pair = [make_record(record["body"], message_id=record["messageId"], attributes=event) for record in (good, bad)]
    records = [*pair[:: -1 if bad_first else 1], *make_ordered(3)]
    assert function(*records) == [bad["messageId"]]
    assert database.count() == 4
    assert database.rows("user_id").count(("user 0",)) == 2  # of the pair and of the others
    assert database.rows("message_id, reason", "rejected_logins") == [(bad["messageId"], "database")]
    assert function(*records) == [bad["messageId"]]
    assert database.count() == 4
