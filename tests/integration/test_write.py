"""What becomes of a batch when nothing fails: rows, rejects, the response, metrics and log lines."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ExecutionEnvironment, Function, SaltParameter, Scratch
from tests.oracle import expect
from tests.support import ABSENT, NOON, NOON_DATE, Record, make_body, make_record, make_records

COLUMNS = (
    "event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip, masked_device_id, locale, "
    "app_version_name"
)
BAD = {  # a body for each reason that a body alone can have
    "invalid_json": "{",
    "not_an_object": "[]",
    "missing_field": make_body(ip=ABSENT),
    "wrong_type": make_body(user_id=1),
    "empty": make_body(device_id=""),
    "too_long": make_body(locale="x" * 33),
    "invalid_ip": make_body(ip="localhost"),
    "invalid_app_version": make_body(app_version="beta"),
    "invalid_text": make_body(device_type="\0"),
}


def expected_rows(records: list[Record], salt: SaltParameter) -> list[tuple[Any, ...]]:
    """The rows that the oracle makes of the valid ones of `records`, each event once, as Scratch.rows gives them."""
    rows = {}
    for record in records:
        row = expect(record, salt.key, salt.version).row
        if row is not None:
            rows[row["event_id"]] = tuple(row[name] for name in COLUMNS.split(", "))
    return sorted(rows.values(), key=repr)


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


TEXTS = [
    "\t",
    "\n",
    "\r\n",
    "\\",
    "\\N",
    "\\.",
    "\\t",
    "a\tb\\\nc",
    "\x01\x1f\x7f\x0b\x0c\x1c\x85\u2028",
    '"',
    "'; DROP TABLE user_logins; --",
    "%s %(x)s {} $1",
    "\N{GRINNING FACE}",
    "e\u0301é\ufeff\u200b",
    "NULL",
    " ",
]


def test_each_text_is_stored_exactly(function: Function, database: Scratch, salt: SaltParameter) -> None:
    records = [
        make_record(make_body(**{name: text, "app_version": f"2.3.0{text}"}))
        for name in ("user_id", "device_type", "locale", "device_id")
        for text in TEXTS
    ]
    assert function(*records) == []
    assert database.rows(COLUMNS) == expected_rows(records, salt)
    assert function(*records) == []  # the same by the way of the staging table
    assert database.rows(COLUMNS) == expected_rows(records, salt)
    database.execute("TRUNCATE user_logins")
    assert function(*records, *records) == []
    assert database.rows(COLUMNS) == expected_rows(records, salt)


@pytest.mark.parametrize(
    "text", ["\\", "\\b", "\\.", "\\N", "a\tb", "a\nb", "a\rb", "\t\n\r\\", "\v\f\b\x1b", "\x7f\x85\u2028"]
)
def test_text_that_means_something_to_copy(function: Function, database: Scratch, text: str) -> None:
    """Each alone in its batch: nothing else calls for the escapes. Then again, merged."""
    record = make_record(user_id=text, device_type=text, locale=text, app_version="1" + text)
    assert function(record) == []
    assert function(record, make_record(user_id=text, locale=None)) == []
    row = (text, text, text, "1" + text)
    assert database.rows("user_id, device_type, locale, app_version_name")[0] == row
    assert database.count() == 2


@pytest.mark.parametrize("reason", BAD)
def test_bad_record_does_not_harm_its_neighbours(
    function: Function, database: Scratch, salt: SaltParameter, reason: str
) -> None:
    for place, digit in enumerate("048"):  # first, middle and last in the order of writing too
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


def test_metrics_and_log_lines_of_a_mixed_batch(function: Function) -> None:
    bad = [make_record(BAD["invalid_ip"]), make_record(BAD["invalid_ip"]), make_record(BAD["invalid_json"])]
    twice = make_record(extra=1)
    function(twice, make_record(x=1, y=2), twice, *bad)
    output = function.read_output()
    milliseconds = output.metrics.pop("WriteMilliseconds")
    assert milliseconds > 0
    counts = {
        "RecordsReceived": 6,
        "RecordsWritten": 2,
        "DuplicatesIgnored": 1,
        "RecordsRejected": 3,
        "RecordsFailed": 0,
        "UnknownFields": 4,
    }
    assert output.metrics == counts
    assert output.rejected == {"invalid_ip": 2, "invalid_json": 1}
    assert output.namespaces == {"LoginPipeline"}
    assert output.services == {"login-pipeline"}
    assert output.units == dict.fromkeys(counts, "Count") | {"WriteMilliseconds": "Milliseconds"}
    (line,) = output.lines("batch written")
    assert {name: line[name] for name in counts} == {name: [count] for name, count in counts.items()}
    assert line["level"] == "INFO"
    reject_lines = {(row["message_id"], row["reason"], row.get("field")) for row in output.lines("record rejected")}
    assert reject_lines == {
        (bad[0]["messageId"], "invalid_ip", "ip"),
        (bad[1]["messageId"], "invalid_ip", "ip"),
        (bad[2]["messageId"], "invalid_json", None),
    }
    assert len(output.logs) == 4


def test_metrics_of_one_batch_do_not_reach_the_next(function: Function) -> None:
    function(make_record("{"), make_record(x=1))
    function.read_output()
    function(make_record())
    output = function.read_output()
    assert output.rejected == {}
    assert (output.metrics["RecordsReceived"], output.metrics["UnknownFields"]) == (1, 0)
    assert output.metrics["RecordsRejected"] == 0


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
