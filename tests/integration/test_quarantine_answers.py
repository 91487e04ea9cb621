"""SQS gives unexpected answers. A reject counts as sent only if SQS confirms exactly the Id of its letter."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from local.aws import AwsEndpoint
from tests.chaos.aws_front import AwsFront, send_answer
from tests.function import Function
from tests.integration.batches import ids
from tests.integration.letters import SEND
from tests.scratch import Scratch
from tests.support import make_record, make_records

REJECTS = 5
ALL = [{"Id": str(number), "MessageId": "x", "MD5OfMessageBody": "x"} for number in range(REJECTS)]
# Answers, and the places of the rejects that they confirm.
ANSWERS: dict[str, tuple[Any, set[int]]] = {
    "all": ({"Successful": ALL}, {0, 1, 2, 3, 4}),
    "one": ({"Successful": ALL[2:3]}, {2}),
    "one, three times": ({"Successful": ALL[:1] * 3}, {0}),
    "an unknown one beside a known one": ({"Successful": [{"Id": "77"}, *ALL[:1]]}, {0}),
    "both successful and failed": ({"Successful": ALL, "Failed": [{"Id": "0"}, {"Id": "4"}]}, {1, 2, 3}),
    "negative Id": ({"Successful": [{"Id": "-1"}]}, set()),
    "unknown Id": ({"Successful": [{"Id": "77"}]}, set()),
    "text for an Id": ({"Successful": [{"Id": "abc"}]}, set()),
    "padded Id": ({"Successful": [{"Id": " 1 "}]}, set()),
    "Id with an underscore": ({"Successful": [{"Id": "0_1"}]}, set()),
    "fraction for an Id": ({"Successful": [{"Id": 1.9}]}, set()),
    "truth for an Id": ({"Successful": [{"Id": True}]}, set()),
    "no Id": ({"Successful": [{}]}, set()),
    "null": ({"Successful": None, "Failed": None}, set()),
    "an object for a list": ({"Successful": {"Id": "0"}}, set()),
    "nothing": ({}, set()),
    "a list": ([], set()),
    "null as a whole": (None, set()),
    "no JSON": (b"<html>", set()),
    "no content": (b"", set()),
}


class AnsweringFront(AwsFront):
    """A server that answers each call with letters in place of SQS."""

    content = b""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answers one call of the function."""
        if not request.headers.get("X-Amz-Target", "").endswith("." + SEND):
            super().answer(request)
            return
        request.rfile.read(int(request.headers["Content-Length"]))
        send_answer(request, 200, {"Content-Type": "application/x-amz-json-1.0"}, self.content)


@pytest.fixture
def front(
    aws: AwsEndpoint, queue: str, function: Function, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AnsweringFront]:
    """A server between the function and SQS."""
    started = AnsweringFront(aws.environment["AWS_ENDPOINT_URL"])
    started.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", started.url)
    function.restart()
    yield started
    started.stop()


@pytest.mark.parametrize("answer", ANSWERS)
def test_sqs_answers_oddly(function: Function, database: Scratch, front: AnsweringFront, answer: str) -> None:
    content, confirmed = ANSWERS[answer]
    front.content = content if isinstance(content, bytes) else json.dumps(content).encode()
    bad = sorted((make_record("{") for _ in range(REJECTS)), key=lambda record: str(record["messageId"]))
    failed = function(*make_records(3), *bad)
    assert set(failed) == {key for place, key in enumerate(ids(bad)) if place not in confirmed}
    assert (database.count(), database.count("rejected_logins")) == (3, REJECTS)
