"""A dead letter: what it says of its event, and the copy of it that goes back to the queue."""

import json
from typing import Any

import pytest

from lambda_src.normal_forms import normal_event_id
from lambda_src.rejects import Reason
from ops.letters import Filter, Letter

ARN = "arn:aws:sqs:eu-central-1:123456789012:dead-letters"
EVENT_ID = "424cdd21-063a-43a7-b91b-7ca1a833afae"
NOTES = {"reason": "invalid_ip", "field": "ip", "message_id": "first", "event_id": EVENT_ID, "sent_timestamp": "5000"}


def make_letter(body: str = "{}", system: Any = None, **attributes: str) -> Letter:
    message: Any = {
        "MessageId": "moved",
        "ReceiptHandle": "handle",
        "Body": body,
        "MD5OfBody": "digest",
        "Attributes": {"SentTimestamp": "7000", **(system or {})},
    }
    if attributes:  # SQS leaves them out where there are none
        message["MessageAttributes"] = {
            name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()
        }
    return Letter(message, ARN)


def test_letter_that_the_function_has_sent() -> None:
    letter = make_letter(system={"ApproximateReceiveCount": "3"}, **NOTES)
    assert (letter.message_id, letter.first_message_id) == ("moved", "first")
    assert (letter.event_key, letter.event_id) == (EVENT_ID, EVENT_ID)
    assert (letter.reason, letter.field) == ("invalid_ip", "ip")
    assert (letter.sent_timestamp, letter.sent_seconds, letter.receive_count) == ("5000", 5.0, 3)


def test_letter_that_sqs_has_moved() -> None:
    letter = make_letter()
    assert (letter.first_message_id, letter.event_key) == ("moved", "moved")
    assert letter.event_id == normal_event_id("moved")
    assert (letter.reason, letter.field) == (None, None)
    assert (letter.sent_timestamp, letter.sent_seconds, letter.receive_count) == ("7000", 7.0, 0)
    assert letter.copy(to_fifo=False)[0]["MessageAttributes"].keys() == {"event_id", "sent_timestamp"}


@pytest.mark.parametrize("attributes", [{"reason": "empty", "field": "ip"}, {"reason": "ours", "message_id": "first"}])
def test_attributes_of_the_producer_are_no_notes(attributes: dict[str, str]) -> None:
    letter = make_letter(**attributes)
    assert (letter.reason, letter.field, letter.first_message_id) == (None, None, "moved")
    assert letter.copy(to_fifo=False)[0]["MessageAttributes"].keys() > attributes.keys()


@pytest.mark.parametrize(
    ("body", "user_id"),
    [('{"user_id": "one"}', "one"), ("{}", None), ("[1]", None), ("{", None), ("[" * 100_000, None)],
    ids=["user", "no user", "list", "no JSON", "too deep"],
)
def test_user_of_a_letter(body: str, user_id: str | None) -> None:
    assert make_letter(body).user_id == user_id


def test_copy_is_the_same_event() -> None:
    copy, dropped = make_letter("text", trace="7", **NOTES).copy(to_fifo=False)
    assert dropped == 0
    assert copy == {
        "MessageBody": "text",
        "MessageAttributes": {
            "trace": {"DataType": "String", "StringValue": "7"},
            "event_id": {"DataType": "String", "StringValue": EVENT_ID},
            "sent_timestamp": {"DataType": "String", "StringValue": "5000"},
        },
    }


def test_copy_keeps_bytes() -> None:
    letter = make_letter()
    value: Any = {"DataType": "Binary.gzip", "BinaryValue": b"\0\1", "StringListValues": []}
    letter.message["MessageAttributes"] = {"blob": value}
    copy, _ = letter.copy(to_fifo=False)
    assert copy["MessageAttributes"]["blob"] == {"DataType": "Binary.gzip", "BinaryValue": b"\0\1"}


def test_copy_of_a_message_leaves_to_its_envelope_what_that_says() -> None:
    event = {"specversion": "1.0", "type": "login", "source": "/web", "id": "1", "data": {}}
    copy, _ = make_letter(json.dumps(event)).copy(to_fifo=False)
    assert copy["MessageAttributes"].keys() == {"sent_timestamp"}  # It says no time.
    copy, _ = make_letter(json.dumps(event | {"time": "2026-01-01T00:00:00Z"})).copy(to_fifo=False)
    assert copy["MessageAttributes"] == {}
    copy, _ = make_letter(json.dumps(event), event_id="own").copy(to_fifo=False)
    assert copy["MessageAttributes"]["event_id"]["StringValue"] == "own"


def test_copy_of_a_letter_that_is_one_event_stays_one() -> None:
    copy, _ = make_letter("[1]", bare_event="true", **NOTES).copy(to_fifo=False)
    assert copy["MessageAttributes"].keys() == {"bare_event", "event_id", "sent_timestamp"}


@pytest.mark.parametrize(("own", "dropped"), [(8, 0), (9, 1), (10, 2)])
def test_copy_has_ten_attributes_at_most(own: int, dropped: int) -> None:
    names = [f"own{number}" for number in range(own)]
    copy, left_out = make_letter(**dict.fromkeys(names, "x")).copy(to_fifo=False)
    assert left_out == dropped
    assert copy["MessageAttributes"].keys() == {*names[:8], "event_id", "sent_timestamp"}


@pytest.mark.parametrize(("system", "group"), [({"MessageGroupId": "user one"}, "user one"), ({}, EVENT_ID)])
def test_copy_for_a_fifo_queue(system: dict[str, str], group: str) -> None:
    """The id of the letter: a second redrive within five minutes is no second message."""
    copy, _ = make_letter(system=system, **NOTES).copy(to_fifo=True)
    assert (copy["MessageGroupId"], copy["MessageDeduplicationId"]) == (group, "moved")


@pytest.mark.parametrize(
    ("chosen", "is_taken"),
    [
        (Filter(), True),
        (Filter(reasons=frozenset({"empty", "invalid_ip"})), True),
        (Filter(reasons=frozenset({"empty"})), False),
        (Filter(ids=frozenset({"moved"})), True),
        (Filter(ids=frozenset({"first", "other"})), True),
        (Filter(ids=frozenset({EVENT_ID})), True),
        (Filter(ids=frozenset({"other"})), False),
        (Filter(user_id="one"), True),
        (Filter(user_id="two"), False),
        (Filter(frozenset({"invalid_ip"}), frozenset({"moved"}), "two"), False),
        (Filter(frozenset({"invalid_ip"}), frozenset({"other"}), "one"), False),
        (Filter(frozenset({"empty"}), frozenset({"moved"}), "one"), False),
    ],
)
def test_filter_takes_what_all_its_parts_take(chosen: Filter, is_taken: bool) -> None:
    letter = make_letter(json.dumps({"user_id": "one"}), **NOTES)
    assert chosen.takes(letter, letter.reason) is is_taken


def test_filter_of_letters_without_a_reason() -> None:
    assert Filter(reasons=frozenset({"unknown"})).takes(make_letter(), None)
    assert not Filter(reasons=frozenset({"unknown"})).takes(make_letter(), Reason.EMPTY)
