"""Events in envelopes: what is taken out, what an envelope says of its event, and what is no envelope."""

import json
import uuid
from typing import Any

import pytest

from lambda_src.envelopes import HINTS, OPENERS, detect_envelope, said_by_envelope
from lambda_src.masking import Row
from lambda_src.records import make_records
from lambda_src.rejects import Reject
from lambda_src.unpacking import unpack
from tests.support import NOON, Record, make_body, make_record
from tests.unit.outcomes import SALT, records_of

SNS = {
    "Type": "Notification",
    "MessageId": "dc1e94d9-56c5-5e96-808d-cc7f68faa162",
    "TopicArn": "arn:aws:sns:us-east-2:111122223333:logins",
    "Timestamp": "2023-11-14T12:00:00.123Z",
    "SignatureVersion": "1",
}
EVENTBRIDGE = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "login",
    "source": "com.example.web",
    "account": "111122223333",
    "time": "2023-11-14T12:00:00Z",
    "region": "us-east-1",
    "resources": [],
}
CLOUDEVENT = {"specversion": "1.0", "type": "login", "source": "/web", "id": "A234-1234"}
KEYS = {"sns": SNS["MessageId"], "eventbridge": str(EVENTBRIDGE["id"]), "cloudevents": "/web A234-1234"}


def wrap(kind: str, event: Any, **more: Any) -> str:
    """The body that a service makes of an event; `more` adds or replaces what the envelope says, None removes it."""
    envelope: dict[str, Any] = {
        "sns": {**SNS, "Message": event if isinstance(event, str) else json.dumps(event)},
        "eventbridge": {**EVENTBRIDGE, "detail": event},
        "cloudevents": {**CLOUDEVENT, "time": "2023-11-14T13:00:00+01:00", "data": event},
    }[kind]
    return json.dumps({name: value for name, value in (envelope | more).items() if value is not None})


def opened(record: Record, envelope: str) -> list[Row | Reject]:
    """The rows and rejects of a message under ENVELOPE."""
    return list(make_records(unpack([record], envelope), SALT))


@pytest.mark.parametrize("kind", OPENERS)
def test_event_in_its_envelope(kind: str) -> None:
    (row,) = opened(make_record(wrap(kind, make_body(user_id="anna"))), kind)
    assert isinstance(row, Row)
    key = KEYS[kind] if kind != "cloudevents" else str(uuid.uuid5(uuid.NAMESPACE_URL, KEYS[kind]))
    assert (row.event_id, row.create_date, row.place) == (key, "2023-11-14", None)
    assert row.line.split("\t")[3] == "anna"


@pytest.mark.parametrize("kind", OPENERS)
def test_attributes_come_before_the_envelope_and_the_event_before_both(kind: str) -> None:
    attributes = {"event_id": "attribute", "sent_timestamp": str(NOON - 5 * 86_400_000)}
    (row,) = opened(make_record(wrap(kind, make_body()), attributes=attributes), kind)
    assert isinstance(row, Row)
    assert (row.event_id, row.create_date) == (str(uuid.uuid5(uuid.NAMESPACE_URL, "attribute")), "2023-11-10")
    own = make_body(event_id="own", sent_timestamp=NOON - 6 * 86_400_000)
    (row,) = opened(make_record(wrap(kind, own), attributes=attributes), kind)
    assert isinstance(row, Row)
    assert (row.event_id, row.create_date) == (str(uuid.uuid5(uuid.NAMESPACE_URL, "own")), "2023-11-09")


def test_attributes_of_sns_come_before_its_message_id() -> None:
    said = {
        "event_id": {"Type": "String", "Value": "order 1"},
        "sent_timestamp": {"Type": "Number", "Value": str(NOON - 3 * 86_400_000)},
        "other": {"Type": "Binary", "Value": "AAE="},
    }
    (row,) = opened(make_record(wrap("sns", make_body(), MessageAttributes=said)), "sns")
    assert isinstance(row, Row)
    assert (row.event_id, row.create_date) == (str(uuid.uuid5(uuid.NAMESPACE_URL, "order 1")), "2023-11-12")


def test_cloudevent_without_a_time_has_that_of_sqs() -> None:
    (row,) = opened(make_record(wrap("cloudevents", make_body(), time=None)), "cloudevents")
    assert isinstance(row, Row)
    assert row.create_date == "2023-11-15"


@pytest.mark.parametrize("kind", OPENERS)
def test_several_events_in_one_envelope(kind: str) -> None:
    events = [make_body(user_id="a"), 5, make_body(user_id="b")]
    first, second, third = opened(make_record(wrap(kind, events)), kind)
    ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{KEYS[kind]}/{place}")) for place in range(3)]
    assert [first.event_id, second.event_id, third.event_id] == ids
    assert isinstance(second, Reject)
    assert second.reason == "not_an_object"


@pytest.mark.parametrize("kind", OPENERS)
@pytest.mark.parametrize("body", ["", "{", "[]", "5", "{}", json.dumps(make_body()), f"[{json.dumps(make_body())}]"])
def test_body_without_the_envelope(kind: str, body: str) -> None:
    (reject,) = opened(make_record(body), kind)
    assert isinstance(reject, Reject)
    assert reject.reason == "invalid_envelope"


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        ("sns", {"Message": None}, "Message"),
        ("sns", {"Message": 5}, "Message"),
        ("sns", {"Type": "SubscriptionConfirmation"}, "Type"),
        ("sns", {"MessageId": 5}, "MessageId"),
        ("sns", {"Timestamp": "yesterday"}, "Timestamp"),
        ("sns", {"Timestamp": "2023-11-14T12:00:00"}, "Timestamp"),
        ("eventbridge", {"detail": None}, "detail"),
        ("eventbridge", {"detail-type": None}, "detail-type"),
        ("eventbridge", {"time": 5}, "time"),
        ("cloudevents", {"data": None}, "data"),
        ("cloudevents", {"source": None}, "source"),
        ("cloudevents", {"time": "2023"}, "time"),
    ],
)
def test_envelope_that_lacks_something(kind: str, more: dict[str, Any], field: str) -> None:
    (reject,) = opened(make_record(wrap(kind, make_body(), **more)), kind)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.field) == ("invalid_envelope", field)


# ---- ENVELOPE=none ------------------------------------------------------------------------------------------------

ENVELOPED = {
    "sns": wrap("sns", make_body()),
    "eventbridge": wrap("eventbridge", make_body()),
    "cloudevents": wrap("cloudevents", make_body(), time=None),
    "s3_notification": json.dumps({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "s3": {}}]}),
    "extended_client_pointer": json.dumps(
        ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b", "s3Key": "k"}]
    ),
}


@pytest.mark.parametrize("kind", HINTS)
def test_body_that_clearly_is_an_envelope(kind: str) -> None:
    (reject,) = records_of(make_record(ENVELOPED[kind]))
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.field) == ("enveloped", kind)
    assert detect_envelope(ENVELOPED[kind]) == kind


def test_other_envelopes() -> None:
    old = '["com.amazon.sqs.javamessaging.MessageS3Pointer", {"s3BucketName": "b", "s3Key": "k"}]'
    assert detect_envelope(old) == "extended_client_pointer"
    assert detect_envelope('{"Service": "Amazon S3", "Event": "s3:TestEvent"}') == "s3_notification"
    for body in ("", "[[]]", "[{}]", "{}", '{"Records": []}', '{"Records": [5]}', json.dumps(make_body())):
        assert detect_envelope(body) is None


def test_valid_event_that_looks_like_an_envelope_is_a_row() -> None:
    (row,) = records_of(make_record(make_body(**CLOUDEVENT)))
    assert isinstance(row, Row)
    assert row.unknown_fields == len(CLOUDEVENT)


def test_what_an_envelope_says_itself() -> None:
    both = {"event_id", "sent_timestamp"}
    said = {kind: said_by_envelope(ENVELOPED[kind]) for kind in HINTS}
    empty: set[str] = set()
    assert said == {
        "sns": both,
        "eventbridge": both,
        "cloudevents": {"event_id"},
        "s3_notification": empty,
        "extended_client_pointer": empty,
    }
    assert said_by_envelope(json.dumps(CLOUDEVENT)) == set()
