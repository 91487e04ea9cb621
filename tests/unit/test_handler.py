"""What the entry point does before it needs a server, and the event and response format of SQS."""

from typing import Any

import pytest

from lambda_src import handler
from lambda_src.errors import EventError
from lambda_src.identity import Event
from lambda_src.sqs import make_event, partial_batch_response, take_messages
from tests.support import NOON, Context, failed_ids, label, make_record


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": None},
        {"Records": {}},
        {"Records": {"messageId": "a"}},
        {"Records": [None]},
        {"Records": "text"},
        {"Records": [{"Sns": {"Message": "{}"}, "EventSource": "aws:sns"}]},
        {"Records": [{"kinesis": {"data": "e30="}, "eventSource": "aws:kinesis"}]},
        {"Records": [make_record() | {"messageId": None}]},
        {"Records": [make_record() | {"messageId": 5}]},
        {"Records": [make_record(message_id="good"), make_record() | {"messageId": ""}]},
        {"Records": [make_record() | {"messageId": "\0"}]},
        {"Records": [make_record() | {"messageId": "\ud800"}]},
        [],
        None,
        "text",
    ],
    ids=label,
)
def test_event_that_is_no_batch_of_messages(event: Any) -> None:
    with pytest.raises(EventError, match="trigger"):
        handler.lambda_handler(event, Context(30))


def test_messages_are_taken_as_they_are() -> None:
    messages = [make_record(), make_record()]
    assert take_messages({"Records": messages}) is messages
    assert take_messages({"Records": []}) == []


def test_event_of_a_message() -> None:
    message = make_record("{}", message_id="a", attributes={"event_id": "b", "sent_timestamp": "7", "other": "x"})
    assert make_event(message) == Event("a", "{}", "b", "7", str(NOON))
    assert make_event({"messageId": "a"}) == Event("a", None, None, None, None)


def test_response_names_the_failed_messages_in_their_order() -> None:
    messages = [make_record(message_id=name) for name in "abc"]
    assert failed_ids(partial_batch_response(messages, {"c", "a"})) == ["a", "c"]
    assert failed_ids(partial_batch_response(messages, set())) == []
