"""The id of an event: the attribute `event_id`, or else the messageId."""

import uuid

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambda_src.identity import event_key, sort_key
from lambda_src.normal_forms import normal_event_id
from lambda_src.rejects import Reason, Reject
from lambda_src.sqs import make_event
from tests.oracle_identity import event_uuid
from tests.oracle_values import is_storable
from tests.support import make_record
from tests.unit.outcomes import MESSAGE_ID, assert_as_expected, outcome, records_of, reject_of, row_of

CANONICAL = "c9a646d3-9c61-4cb7-bfcd-ee2522c8f633"
NIL = "00000000-0000-0000-0000-000000000000"

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)


@pytest.mark.parametrize(
    "text",
    [
        CANONICAL,
        CANONICAL.upper(),
        CANONICAL.replace("-", ""),
        CANONICAL.replace("-", "").upper(),
        f"{{{CANONICAL}}}",
        f"urn:uuid:{CANONICAL}",
        f"URN:UUID:{CANONICAL.upper()}",
    ],
)
def test_uuid_in_any_spelling_is_one_event(text: str) -> None:
    assert row_of(attributes={"event_id": text})["event_id"] == CANONICAL
    assert row_of(message_id=text)["event_id"] == CANONICAL


@pytest.mark.parametrize(
    "text",
    [
        "order 17",
        "https://example.com/events/17",
        CANONICAL[:-1],
        CANONICAL + "0",
        f" {CANONICAL}",
        "é \N{GRINNING FACE}",
        "null-1",
        "nano",
        "nil",
        "0",
        "a\\b\tc\n",
    ],
)
def test_text_that_is_no_uuid_becomes_its_uuid5(text: str) -> None:
    assert row_of(attributes={"event_id": text})["event_id"] == str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def test_uuid5_by_a_known_vector() -> None:
    assert normal_event_id("http://www.example.com/") == "fcde3c85-2270-590f-9e7c-ee003d65e0e2"


def test_event_id_attribute_goes_before_the_message_id() -> None:
    assert row_of(message_id=MESSAGE_ID)["event_id"] == MESSAGE_ID
    assert row_of(message_id=MESSAGE_ID, attributes={"event_id": CANONICAL})["event_id"] == CANONICAL


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\t\n", "\u3000\xa0", "null", "NULL", "none", "None", "undefined", "Undefined", "nan", "NaN"),
        *(" null ", "\nNaN\t", NIL, NIL.replace("-", ""), f"{{{NIL}}}", f"urn:uuid:{NIL}", f"URN:UUID:{NIL}"),
    ],
    ids=ascii,
)
def test_placeholder_is_no_event_id(text: str) -> None:
    assert reject_of(attributes={"event_id": text}) == ("invalid_event_id", "event_id")
    # Two such rejects are two events: a redrive takes letters with one id for copies of one event.
    messages = [make_record(attributes={"event_id": text}) for _ in range(2)]
    assert [reject.event_id for reject in records_of(*messages)] == [message["messageId"] for message in messages]
    assert [event_key(make_event(message)) for message in messages] == [message["messageId"] for message in messages]


@pytest.mark.parametrize("name", ["event_id", "sent_timestamp"])
@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=ascii)
def test_attribute_that_postgres_cannot_hold(name: str, text: str) -> None:
    assert reject_of(attributes={name: text}) == ("invalid_text", name)


@pytest.mark.parametrize("name", ["event_id", "sent_timestamp"])
@pytest.mark.parametrize("value", [5, "text", [], {}, {"binaryValue": "AA=="}, {"stringValue": 5}, None], ids=repr)
def test_attribute_of_another_shape(name: str, value: object) -> None:
    record = make_record(message_id=MESSAGE_ID) | {"messageAttributes": {name: value}}
    assert outcome(record) == ("wrong_type", name)
    assert records_of(make_record(), record, make_record())[1:2] == records_of(record)
    (reject,) = records_of(record)
    assert reject.event_id == MESSAGE_ID
    assert event_key(make_event(record)) == MESSAGE_ID


@pytest.mark.parametrize("attributes", [None, {}, {"other": {"stringValue": "x"}}], ids=repr)
def test_record_without_our_attributes(attributes: object) -> None:
    cells = outcome(make_record(message_id=MESSAGE_ID) | {"messageAttributes": attributes})
    assert isinstance(cells, dict)
    assert cells["event_id"] == MESSAGE_ID


def test_reject_names_the_event_and_never_a_value() -> None:
    (reject,) = records_of(make_record(message_id=MESSAGE_ID, attributes={"event_id": CANONICAL}, ip="secret"))
    assert reject == Reject(MESSAGE_ID, CANONICAL, Reason.INVALID_IP, "ip")


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1).filter(is_storable))
def test_normal_form_of_any_text(text: str) -> None:
    assert normal_event_id(text) == event_uuid(text)


@settings(max_examples=150, deadline=None)
@given(any_text | st.text(alphabet="0-{} nulNaoe", max_size=40))
@example("undef\u0131ned")
@example("\N{KELVIN SIGN}")
def test_event_id_of_any_text(text: str) -> None:
    assert_as_expected(make_record(attributes={"event_id": text}))


@pytest.mark.parametrize(("event_id", "key"), [(None, MESSAGE_ID), ("order 17", "order 17")])
def test_batch_is_sorted_by_what_each_delivery_has(event_id: str | None, key: str) -> None:
    attributes = {} if event_id is None else {"event_id": event_id}
    assert sort_key(make_event(make_record(message_id=MESSAGE_ID, attributes=attributes))) == key
    malformed = make_record(message_id=MESSAGE_ID) | {"messageAttributes": {"event_id": {}}}
    assert sort_key(make_event(malformed)) == MESSAGE_ID
