"""Messages with several events, on real servers: bad events among good ones, redelivery, redrive."""

import json
import uuid
from typing import Any

import pytest

from local.aws import AwsEndpoint
from ops.letters import Letter
from ops.sqs_event import make_record as received_record
from tests.function import Function
from tests.integration.batches import ids, refuse
from tests.scratch import Scratch
from tests.support import NOON, Record, make_body, make_record

BAD = ['{"user_id": 5}', "[1, 2]", '"text"', "{"]


def lines(*texts: str) -> str:
    """JSON lines."""
    return "\r\n".join(texts)


def good(user_id: str, **changes: Any) -> str:
    """A valid event."""
    return json.dumps(make_body(user_id=user_id, **changes))


def uuid_of(record: Record, place: int) -> str:
    """Returns the id of an event that does not carry an id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{record['messageId']}/{place}"))


def receive(aws: AwsEndpoint, queue: str) -> list[Any]:
    """Returns all letters, as SQS returns them."""
    found: list[Any] = []
    while messages := aws.sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    ).get("Messages"):
        found += messages
    return found


@pytest.mark.parametrize("form", ["array", "lines"])
def test_bad_events_among_good_ones_without_quarantine(function: Function, database: Scratch, form: str) -> None:
    texts = [good("a"), BAD[0], good("b"), BAD[1], BAD[2]]
    packed = make_record(lines(*texts) if form == "lines" else f"[{','.join(texts)}]")
    single = make_record(user_id="c")
    for delivery in range(1, 3):
        assert function(packed, single) == ids([packed])
        assert database.rows("user_id, event_id") == sorted(
            [("a", uuid_of(packed, 0)), ("b", uuid_of(packed, 2)), ("c", single["messageId"])]
        )
        assert database.rows("event_id, message_id, reason, times", "rejected_logins") == sorted(
            (uuid_of(packed, place), packed["messageId"], reason, delivery)
            for place, reason in ((1, "wrong_type"), (3, "not_an_object"), (4, "not_an_object"))
        )
        metrics = function.read_output().metrics
        assert (metrics["RecordsReceived"], metrics["EventsReceived"], metrics["RecordsRejected"]) == (2, 6, 3)
        assert metrics["RecordsWritten"] + metrics["DuplicatesIgnored"] == 3


def test_bad_events_become_letters_that_can_be_redriven(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str
) -> None:
    packed = make_record(lines(good("a"), *BAD, good("b"), good("c", ip="x", event_id="mine")))
    assert function(packed) == []
    assert database.rows() == [("a",), ("b",)]
    letters = {Letter(message, "arn:aws:sqs:us-east-1:000000000000:dead"): message for message in receive(aws, queue)}
    mine = str(uuid.uuid5(uuid.NAMESPACE_URL, "mine"))
    assert {letter.event_id: letter.message["Body"] for letter in letters} == {
        **{uuid_of(packed, place): text for place, text in enumerate(BAD, 1)},
        mine: good("c", ip="x", event_id="mine"),
    }
    assert {letter.first_message_id for letter in letters} == {packed["messageId"]}
    # A letter that is sent back is the same event under any envelope: the function does not unpack it again.
    for letter in letters:
        copy: Any = letter.copy(to_fifo=False)[0]
        sent = aws.sqs.send_message(QueueUrl=queue, **copy)
        assert sent["MessageId"]
    again = [received_record(message, "arn:aws:sqs:us-east-1:000000000000:logins") for message in receive(aws, queue)]
    assert len(again) == 5
    assert function(*again) == []
    assert database.rows("event_id, times", "rejected_logins") == sorted((letter.event_id, 2) for letter in letters)


def test_mended_letter_gives_the_row_that_it_was_meant_to_give(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str
) -> None:
    refuse(database)
    packed = make_record(f"[{good('a')}, {good('b', locale='ZZ')}]")
    assert function(packed) == []
    (message,) = receive(aws, queue)
    letter = Letter(message, "arn:aws:sqs:us-east-1:000000000000:dead")
    assert (letter.reason, letter.message["Body"]) == ("database", good("b", locale="ZZ"))
    database.execute("DROP FUNCTION refuse CASCADE")
    copy: Any = letter.copy(to_fifo=False)[0]
    aws.sqs.send_message(QueueUrl=queue, **copy)
    again = [received_record(each, "arn:aws:sqs:us-east-1:000000000000:logins") for each in receive(aws, queue)]
    for _ in range(2):
        assert function(*again, packed) == []
        assert database.rows("user_id, event_id, create_date::text") == [
            ("a", uuid_of(packed, 0), "2023-11-15"),
            ("b", uuid_of(packed, 1), "2023-11-15"),
        ]


def test_letters_of_a_fifo_queue_are_told_apart_by_their_events(
    aws: AwsEndpoint, function: Function, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = aws.sqs.create_queue(QueueName=f"dead-{uuid.uuid4().hex[:8]}.fifo", Attributes={"FifoQueue": "true"})
    monkeypatch.setenv("DLQ_URL", fifo["QueueUrl"])
    packed = make_record(lines(*BAD))
    packed["attributes"] |= {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    assert function(packed) == []
    found = receive(aws, fifo["QueueUrl"])
    assert {message["Attributes"]["MessageDeduplicationId"] for message in found} == {
        uuid_of(packed, place) for place in range(4)
    }
    aws.sqs.delete_queue(QueueUrl=fifo["QueueUrl"])


@pytest.mark.parametrize("envelope", ["sns", "eventbridge", "cloudevents"])
def test_letters_of_an_envelope(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str, monkeypatch: pytest.MonkeyPatch, envelope: str
) -> None:
    monkeypatch.setenv("ENVELOPE", envelope)
    bare = make_record(user_id="x")
    assert function(bare) == []
    (message,) = receive(aws, queue)
    assert message["Body"] == bare["body"]
    assert message["MessageAttributes"]["reason"]["StringValue"] == "invalid_envelope"
    assert "bare_event" not in message["MessageAttributes"]
    assert database.count() == 0
    # A bare event that came from a letter is taken without its envelope.
    assert function(make_record(user_id="x", attributes={"bare_event": "true"})) == []
    assert database.count() == 1


def test_letter_of_a_bad_event_in_an_envelope_is_that_event(
    aws: AwsEndpoint, function: Function, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVELOPE", "eventbridge")
    said = {"detail-type": "login", "source": "web", "time": "2023-11-14T12:00:00Z"}
    record = make_record({"id": "event 1", **said, "detail": make_body(ip="x")})
    assert function(record) == []
    (message,) = receive(aws, queue)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"]) == make_body(ip="x")
    assert (attributes["event_id"], attributes["sent_timestamp"]) == ("event 1", str(NOON - 86_400_000))


def test_enveloped_body_names_the_setting(function: Function) -> None:
    body = {"Type": "Notification", "MessageId": "x", "TopicArn": "y", "Message": "{}", "Timestamp": "z"}
    record = make_record(body)
    assert function(record) == ids([record])
    (line,) = function.read_output().lines("record rejected")
    assert (line["reason"], line["field"]) == ("enveloped", "sns")
    assert "ENVELOPE=sns" in line["hint"]


def test_six_megabytes_of_events(function: Function, database: Scratch) -> None:
    """An invocation of the largest size, with a bad event in each message."""
    per_message = 4_500
    records = []
    for number in range(6):
        texts = [good(f"{number} {place}") for place in range(per_message)]
        texts[7] = BAD[0]
        records.append(make_record(lines(*texts)))
    assert set(function(*records, seconds=60)) == set(ids(records))
    assert (database.count(), database.count("rejected_logins")) == (6 * (per_message - 1), 6)
    metrics = function.read_output().metrics
    assert metrics["EventsReceived"] == 6 * per_message == metrics["RecordsWritten"] + metrics["RecordsRejected"]


def test_time_of_the_message_counts_for_its_events(function: Function, database: Scratch) -> None:
    packed = make_record(lines(good("a"), good("b", sent_timestamp=NOON - 86_400_000)))
    assert function(packed) == []
    assert database.rows("user_id, create_date::text") == [("a", "2023-11-15"), ("b", "2023-11-14")]
