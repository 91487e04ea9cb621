"""Fixtures for the tests of the write: an action during the COPY, a proxy before Postgres, a dead-letter queue."""

import itertools
import secrets
from collections.abc import Callable, Iterator

import pytest

from lambda_src.identity import Event
from lambda_src.parsing import Login, parse_event
from local.aws import AwsEndpoint
from tests.function import Function
from tests.integration.batches import Trap
from tests.support import Record, make_records


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Trap:
    """Makes 300 valid records. `action` runs during the COPY, when the function reaches the record at `place`."""

    def make(action: Callable[[], object], place: int = 200) -> list[Record]:
        calls = itertools.count()

        def parse(event: Event) -> Login:
            if next(calls) == place:
                action()
            return parse_event(event)

        monkeypatch.setattr("lambda_src.records.parse_event", parse)
        return make_records(300)

    return make


@pytest.fixture
def queue(aws: AwsEndpoint, function: Function, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a queue that is the dead-letter queue of the function."""
    url = aws.sqs.create_queue(QueueName=f"dead-{secrets.token_hex(4)}")["QueueUrl"]
    monkeypatch.setenv("DLQ_URL", url)
    yield url
    aws.sqs.delete_queue(QueueUrl=url)
