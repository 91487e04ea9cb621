"""Messages as an event source mapping hands them over."""

import json
from typing import Any

import pytest

from ops import sqs_event
from ops.sqs_event import make_record, split_by_size

ARN = "arn:aws:sqs:eu-central-1:123456789012:logins"


def test_record_has_the_documented_shape() -> None:
    message: Any = {
        "MessageId": "id",
        "ReceiptHandle": "handle",
        "Body": "{}",
        "MD5OfBody": "digest",
        "Attributes": {"SentTimestamp": "1700000000000", "ApproximateReceiveCount": "1"},
        "MessageAttributes": {
            "text": {"DataType": "String", "StringValue": "x"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\0\1"},
        },
        "MD5OfMessageAttributes": "another digest",
    }
    empty: dict[str, list[Any]] = {"stringListValues": [], "binaryListValues": []}
    assert make_record(message, ARN) == {
        "messageId": "id",
        "receiptHandle": "handle",
        "body": "{}",
        "attributes": {"SentTimestamp": "1700000000000", "ApproximateReceiveCount": "1"},
        "messageAttributes": {
            "text": empty | {"dataType": "String", "stringValue": "x"},
            "bytes": empty | {"dataType": "Binary", "binaryValue": "AAE="},
        },
        "md5OfBody": "digest",
        "md5OfMessageAttributes": "another digest",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "eu-central-1",
    }


def test_record_without_attributes() -> None:
    message: Any = {"MessageId": "id", "ReceiptHandle": "handle", "Body": "{}", "MD5OfBody": "digest"}
    record = make_record(message, ARN)
    assert (record["attributes"], record["messageAttributes"]) == ({}, {})
    assert "md5OfMessageAttributes" not in record


@pytest.mark.parametrize(("spare", "batches"), [(0, [2, 2, 1]), (-1, [1, 1, 1, 1, 1])])
def test_invocation_takes_what_fits(monkeypatch: pytest.MonkeyPatch, spare: int, batches: list[int]) -> None:
    records = [{"body": "€"}] * 5
    separator = 2  # bytes
    monkeypatch.setattr(sqs_event, "LARGEST_PAYLOAD", 2 * (len(json.dumps(records[0])) + separator) + spare)
    assert [len(batch) for batch in split_by_size(records)] == batches


def test_record_that_is_larger_than_an_invocation_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqs_event, "LARGEST_PAYLOAD", 1)
    assert list(split_by_size([{"body": "a"}, {"body": "b"}])) == [[{"body": "a"}], [{"body": "b"}]]
    assert list(split_by_size([])) == []
