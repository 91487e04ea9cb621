"""What the entry point does before it needs a server."""

from typing import Any

import pytest

from lambda_src import handler
from lambda_src.errors import EventError
from tests.support import Context, make_record


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": None},
        {"Records": [None]},
        {"Records": "text"},
        {"Records": [{"Sns": {"Message": "{}"}, "EventSource": "aws:sns"}]},
        {"Records": [{"kinesis": {"data": "e30="}, "eventSource": "aws:kinesis"}]},
        {"Records": [make_record() | {"messageId": None}]},
        {"Records": [make_record() | {"messageId": 5}]},
        {"Records": [make_record(), make_record() | {"messageId": ""}]},
        {"Records": [make_record() | {"messageId": "\0"}]},
        {"Records": [make_record() | {"messageId": "\ud800"}]},
        [],
        None,
        "text",
    ],
    ids=repr,
)
def test_event_that_is_no_batch_of_messages(event: Any) -> None:
    with pytest.raises(EventError, match="trigger"):
        handler.lambda_handler(event, Context(30))
