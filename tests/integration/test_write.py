"""A batch without failures: its rows, its rejects and the response."""

import uuid
from collections.abc import Callable

import pytest

from tests.execution_environment import ExecutionEnvironment
from tests.function import Function
from tests.integration.expected import BAD, COLUMNS, expected_rows
from tests.oracle import expect
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import ABSENT, NOON, NOON_DATE, make_body, make_record, make_records


def test_batch_of_valid_records(function: Function, database: Scratch, salt: SaltParameter) -> None:
    records = [
        make_record(ip="2001:DB8::A", app_version="2.3"),
        make_record(ip="::ffff:198.51.100.7", locale=None),
        make_record(ip="241.0.0.1", locale=ABSENT, app_version="3.0.1-beta.2"),
        make_record(attributes={"event_id": "order 17", "sent_timestamp": "1600000000000"}),
        make_record(unknown="x", another=None),
    ]
    assert function(*records) == []
    assert database.rows(COLUMNS) == expected_rows(records, salt)
    assert database.count() == len(records)
    assert database.count("rejected_logins") == 0


@pytest.mark.parametrize("reason", BAD)
def test_bad_record_does_not_harm_its_neighbours(
    function: Function, database: Scratch, salt: SaltParameter, reason: str
) -> None:
    for place, digit in enumerate("048"):  # also first, middle and last in the order of the write
        records = [make_record(message_id=f"{number}{uuid.uuid4()}") for number in (1, 5)]
        records.insert(place, make_record(BAD[reason], message_id=digit + str(uuid.uuid4())[1:]))
        bad = records[place]["messageId"]
        assert function(*records) == [bad]
        assert database.rows(COLUMNS) == expected_rows(records, salt)
        ((expected_reason, field),) = expect(records[place], salt.key, salt.version).faults
        assert expected_reason == reason
        rejects = database.rows("event_id, message_id, reason, field, times", "rejected_logins")
        assert rejects == [(bad, bad, reason, field, 1)]
        database.execute("TRUNCATE user_logins, rejected_logins")


def test_response_names_exactly_the_bad_records(function: Function, database: Scratch) -> None:
    good = make_records(3)
    bad = [make_record(body) for body in BAD.values()]
    records = [bad[0], good[0], *bad[1:5], good[1], *bad[5:], good[2]]
    assert function(*records) == [record["messageId"] for record in bad]
    assert database.count() == len(good)
    assert database.rows("reason", "rejected_logins") == sorted((reason,) for reason in BAD)


def test_batch_of_bad_records_only(function: Function, database: Scratch) -> None:
    bad = [make_record(body) for body in BAD.values()]
    assert function(*bad) == [record["messageId"] for record in bad]
    assert (database.count(), database.count("rejected_logins")) == (0, len(bad))


def test_empty_batch(function: Function, database: Scratch) -> None:
    assert function() == []
    assert (database.count(), database.count("rejected_logins")) == (0, 0)
    assert function.read_output().metrics["RecordsReceived"] == 0


def test_batch_delivered_twice(function: Function, database: Scratch, salt: SaltParameter) -> None:
    records = make_records(50)
    for written, duplicates in ((50, 0), (0, 50)):
        assert function(*records) == []
        metrics = function.read_output().metrics
        assert (metrics["RecordsWritten"], metrics["DuplicatesIgnored"]) == (written, duplicates)
        assert database.rows(COLUMNS) == expected_rows(records, salt)


def test_batch_of_which_a_part_was_delivered_before(function: Function, database: Scratch) -> None:
    records = make_records(30)
    function(*records[10:15])
    function.read_output()
    assert function(*records) == []
    metrics = function.read_output().metrics
    assert (metrics["RecordsWritten"], metrics["DuplicatesIgnored"]) == (25, 5)
    assert database.count() == 30


def test_same_event_twice_in_a_batch(function: Function, database: Scratch) -> None:
    record = make_record(user_id="twice")
    again = make_record(user_id="twice", attributes={"event_id": record["messageId"].upper()})
    assert function(record, make_record(), record, again) == []
    metrics = function.read_output().metrics
    assert (metrics["RecordsWritten"], metrics["DuplicatesIgnored"]) == (2, 2)
    assert database.count() == 2


def test_redriven_message_is_the_same_event(function: Function, database: Scratch) -> None:
    record = make_record()
    assert function(record) == []
    redriven = make_record(
        sent=NOON + 14 * 86_400_000, attributes={"event_id": record["messageId"], "sent_timestamp": str(NOON)}
    )
    assert function(redriven) == []
    assert [str(day) for (day,) in database.rows("create_date")] == [NOON_DATE]


def test_reject_delivered_again_is_counted(function: Function, database: Scratch) -> None:
    record = make_record(ip="none")
    columns = "first_seen, last_seen, times, reason, message_id"
    function(record)
    ((first, seen, times, *_),) = database.rows(columns, "rejected_logins")
    assert (first, times) == (seen, 1)
    again = make_record("{", attributes={"event_id": record["messageId"]})
    assert function(record, again) == [record["messageId"], again["messageId"]]
    ((first_again, last, times, reason, message_id),) = database.rows(columns, "rejected_logins")
    assert first_again == first < last
    assert times == 3
    assert (reason, message_id) in {("invalid_ip", record["messageId"]), ("invalid_json", again["messageId"])}


@pytest.mark.parametrize("sent", [946_684_800_000, 253_402_300_799_999], ids=["2000", "9999"])
def test_date_far_away_goes_to_the_default_partition(function: Function, database: Scratch, sent: int) -> None:
    assert function(make_record(sent=sent)) == []
    assert database.count("user_logins_default") == 1


def test_dates_on_both_sides_of_a_month_in_one_batch(function: Function, database: Scratch) -> None:
    ((border,),) = database.query("SELECT extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC'))::bigint")
    assert function(make_record(sent=border * 1000 - 1), make_record(sent=border * 1000)) == []
    assert database.count("user_logins_default") == 0
    assert len(database.query("SELECT DISTINCT tableoid FROM user_logins")) == 2


def test_ten_thousand_records(function: Function, database: Scratch, salt: SaltParameter) -> None:
    records = [
        make_record(user_id=f"user {number}", ip=f"10.0.{number % 256}.{number // 256}") for number in range(10_000)
    ]
    bad = {0: "{", 5_000: "[]", 9_999: make_body(ip="x")}
    for place, body in bad.items():
        records[place] = make_record(body)
    assert function(*records) == [records[place]["messageId"] for place in bad]
    assert database.count() == 9_997
    assert database.rows(COLUMNS) == expected_rows(records, salt)
    assert function(*records) == [records[place]["messageId"] for place in bad]
    assert database.count() == 9_997


FIFO = "arn:aws:sqs:us-east-1:000000000000:logins.fifo"


def test_written_records_of_a_fifo_group_are_never_reported(function: Function, database: Scratch) -> None:
    records = [make_record(), make_record("{"), make_record(), make_record(), make_record()]
    for record, group in zip(records, "aabab", strict=True):
        record["eventSourceARN"] = FIFO
        record["attributes"]["MessageGroupId"] = group
    assert function(*records) == [records[1]["messageId"]]
    assert database.count() == 4


def test_memory_of_a_large_batch(execution_environments: Callable[[dict[str, str]], ExecutionEnvironment]) -> None:
    environment = execution_environments({})
    answer = environment.invoke(*make_records(10_000))
    assert answer["response"] == {"batchItemFailures": []}
    assert answer["peak_kib"] < 200 * 1024
