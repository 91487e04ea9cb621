"""An event source mapping against answers of SQS that no emulator gives."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops import event_source
from ops.event_source import Delivery, EventSource

ARN = "arn:aws:sqs:eu-central-1:123456789012:logins"


class Sqs:
    """A queue of so many messages, and how each kind of call fails at first."""

    def __init__(self, count: int, failures: dict[str, list[Exception]] | None = None) -> None:
        self.waiting = [str(number) for number in range(count)]
        self.deletions = 0
        self.sender_fault: bool | None = None  # of each deletion; None: it succeeds
        self._failures = failures or {}

    def get_queue_attributes(self, **_: Any) -> Any:
        """The ARN."""
        self._fail("get")
        return {"Attributes": {"QueueArn": ARN}}

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> Any:  # noqa: N803  as boto3 names it
        """As many as there are, and as are wanted."""
        self._fail("receive")
        given, self.waiting = self.waiting[:MaxNumberOfMessages], self.waiting[MaxNumberOfMessages:]
        return {
            "Messages": [
                {"MessageId": name, "ReceiptHandle": name, "Body": "{}", "MD5OfBody": "digest"} for name in given
            ]
        }

    def delete_message_batch(self, *, Entries: list[Any], **_: Any) -> Any:  # noqa: N803
        """All of them, or none."""
        self.deletions += 1
        if self.sender_fault is None:
            return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}
        return {"Failed": [{"Id": entry["Id"], "SenderFault": self.sender_fault} for entry in Entries]}

    def _fail(self, call: str) -> None:
        if self._failures.get(call):
            raise self._failures[call].pop()


def make_error(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "AnyCall")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Delivery]]:
    """Works the queue off; returns what was delivered."""
    monkeypatch.setattr(event_source, "LONGEST_PAUSE", 0.01)

    def work_off(sqs: Any, **options: Any) -> list[Delivery]:
        deliveries: list[Delivery] = []
        source = EventSource(sqs, "https://sqs/logins", lambda _: None, on_delivery=deliveries.append, **options)
        source.run(threading.Event(), until_empty=True)
        return deliveries

    return work_off


@pytest.mark.parametrize("size", [1, 3, 10])
def test_batch_is_never_larger_than_asked_for(run: Callable[..., list[Delivery]], size: int) -> None:
    deliveries = run(Sqs(25), batch_size=size)
    assert [len(delivery.delivered) for delivery in deliveries[:-1]] == [size] * (len(deliveries) - 1)
    assert sum(len(delivery.deleted) for delivery in deliveries) == 25


@pytest.mark.parametrize("call", ["get", "receive"])
@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("RequestThrottled", 403), ("Any", 503)])
def test_sqs_that_is_busy_is_tried_again(run: Callable[..., list[Delivery]], call: str, code: str, status: int) -> None:
    (delivery,) = run(Sqs(5, {call: [make_error(code, status)] * 2}))
    assert len(delivery.deleted) == 5


@pytest.mark.parametrize("call", ["get", "receive"])
def test_sqs_that_refuses_ends_the_run(run: Callable[..., list[Delivery]], call: str) -> None:
    with pytest.raises(ClientError):
        run(Sqs(5, {call: [make_error("AccessDenied", 403)]}))


@pytest.mark.parametrize(("sender_fault", "deletions"), [(True, 1), (False, event_source.DELETE_TRIES)])
def test_deletion_is_tried_again_unless_the_handle_is_at_fault(
    run: Callable[..., list[Delivery]], *, sender_fault: bool, deletions: int
) -> None:
    sqs = Sqs(5)
    sqs.sender_fault = sender_fault
    (delivery,) = run(sqs)
    assert (delivery.deleted, sqs.deletions) == (set(), deletions)
