"""A quarantine of which SQS confirms only a part."""

import secrets
from collections.abc import Iterator

import pytest

from local.aws import AwsEndpoint
from tests.function import Function
from tests.scratch import Scratch
from tests.support import make_record, make_records

SMALLEST_LIMIT = 1024  # bytes that a queue can be told to take in a message


@pytest.fixture
def queue(aws: AwsEndpoint, function: Function, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = aws.sqs.create_queue(
        QueueName=f"small-{secrets.token_hex(4)}", Attributes={"MaximumMessageSize": str(SMALLEST_LIMIT)}
    )["QueueUrl"]
    monkeypatch.setenv("DLQ_URL", url)
    yield url
    aws.sqs.delete_queue(QueueUrl=url)


def test_only_what_was_taken_goes_unreported(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str
) -> None:
    taken = [make_record("{"), make_record(ip="x")]
    refused = [make_record("{" + "x" * 2 * SMALLEST_LIMIT) for _ in range(2)]
    assert function(taken[0], refused[0], *make_records(2), refused[1], taken[1]) == [
        record["messageId"] for record in refused
    ]
    messages = aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in messages) == sorted(record["body"] for record in taken)
    assert (database.count(), database.count("rejected_logins")) == (2, 4)


def test_message_that_is_twice_in_a_batch(aws: AwsEndpoint, function: Function, queue: str) -> None:
    bad, other = make_record("{"), make_record("[")
    assert function(bad, bad, other) == []
    messages = aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in messages) == ["[", "{"]
