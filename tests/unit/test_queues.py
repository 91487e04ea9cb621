"""A queue's answers that the emulator never gives: SQS confirms some messages, refuses some and is silent on others."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.queues import Outgoing, Queue

CONFIRMED, REFUSED, SILENT, BOTH = "confirmed", "refused", "silent", "both"


class ForgetfulSqs:
    """SQS that does with each message what stands in it."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def send_message_batch(self, *, Entries: list[Any], **_: str) -> Any:  # noqa: N803  as boto3 names it
        """Confirms, refuses or leaves out each entry by its body."""
        return self._answer(Entries, "MessageBody")

    def delete_message_batch(self, *, Entries: list[Any], **_: str) -> Any:  # noqa: N803
        """The same by its receipt handle."""
        return self._answer(Entries, "ReceiptHandle")

    def _answer(self, entries: list[Any], key: str) -> Any:
        self.calls.append(len(entries))
        answer: dict[str, list[dict[str, str]]] = {}
        for entry in entries:
            if entry[key] in (CONFIRMED, BOTH):
                answer.setdefault("Successful", []).append({"Id": entry["Id"], "MessageId": f"m{entry['Id']}"})
            if entry[key] in (REFUSED, BOTH):
                answer.setdefault("Failed", []).append({"Id": entry["Id"], "Code": "InternalError"})
        return answer


def make_queue(sqs: Any) -> Queue:
    return Queue(sqs, "https://sqs.example.com/1/logins")


def test_sent_is_what_sqs_has_confirmed() -> None:
    sqs = ForgetfulSqs()
    texts = [*[CONFIRMED] * 10, SILENT, CONFIRMED, REFUSED, BOTH]
    failures = make_queue(sqs).send([{"MessageBody": text} for text in texts]).failures
    assert failures == {10: "NotConfirmed", 12: "InternalError", 13: "InternalError"}
    assert sqs.calls == [10, 4]


def test_nothing_confirmed_is_nothing_sent() -> None:
    failures = make_queue(ForgetfulSqs()).send([{"MessageBody": REFUSED}, {"MessageBody": SILENT}]).failures
    assert failures == {0: "InternalError", 1: "NotConfirmed"}


def test_deleted_is_what_sqs_has_confirmed() -> None:
    sqs = ForgetfulSqs()
    handles: Any = [{"ReceiptHandle": text} for text in [*[CONFIRMED] * 10, SILENT, CONFIRMED, REFUSED, BOTH]]
    assert make_queue(sqs).delete(handles) == 11
    assert make_queue(sqs).delete(handles[10:11]) == 0
    assert sqs.calls == [10, 4, 1]


def test_receiving_asks_all_of_sqs_servers() -> None:
    """Only an answer to long polling says that a queue is empty."""
    asked: dict[str, Any] = {}

    class Sqs:
        def receive_message(self, **arguments: Any) -> Any:
            """Nothing is there."""
            asked.update(arguments)
            return {}

    assert make_queue(Sqs()).receive(300, at_once=7) == []
    assert asked["WaitTimeSeconds"] >= 1
    assert (asked["VisibilityTimeout"], asked["MaxNumberOfMessages"]) == (300, 7)
    assert asked["MessageSystemAttributeNames"] == asked["MessageAttributeNames"] == ["All"]


def test_only_exact_ids_count() -> None:
    """An answer about an entry that was not sent, or with its number written in another way, confirms nothing."""

    class Sqs:
        def send_message_batch(self, **_: Any) -> Any:
            """Other ids than those that were sent."""
            ids = ("00", " 0", "٠", "7")
            return {
                "Successful": [{"Id": each, "MessageId": "m"} for each in ids],
                "Failed": [{"Id": "+1", "Code": "InternalError"}],
            }

        def delete_message_batch(self, **_: Any) -> Any:
            """The same for deleting."""
            return {"Successful": [{"Id": "00"}, {"Id": "7"}]}

    sent = make_queue(Sqs()).send([{"MessageBody": "a"}, {"MessageBody": "b"}])
    assert sent == ({}, {0: "NotConfirmed", 1: "NotConfirmed"})
    handles: Any = [{"ReceiptHandle": "a"}]
    assert make_queue(Sqs()).delete(handles) == 0


class StrictSqs:
    """SQS that refuses a whole call for one of its messages, or for good."""

    def __init__(self, code: str) -> None:
        self.code = code

    def send_message_batch(self, *, Entries: list[Any], **_: str) -> Any:  # noqa: N803
        """Refuses the call where it holds the message `bad`."""
        if any(entry["MessageBody"] == "bad" for entry in Entries):
            raise ClientError({"Error": {"Code": self.code}}, "SendMessageBatch")
        return {"Successful": [{"Id": entry["Id"], "MessageId": entry["MessageBody"]} for entry in Entries]}


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.BatchRequestTooLong", "InvalidMessageContents"])
def test_message_that_spoils_its_call_fails_alone(code: str) -> None:
    messages: list[Outgoing] = [{"MessageBody": body} for body in ("a", "bad", "b")]
    assert make_queue(StrictSqs(code)).send(messages) == ({0: "a", 2: "b"}, {1: code})


def test_call_that_is_refused_as_such_is_raised() -> None:
    messages: list[Outgoing] = [{"MessageBody": "a"}, {"MessageBody": "bad"}]
    with pytest.raises(ClientError, match="AccessDenied"):
        make_queue(StrictSqs("AccessDenied")).send(messages)
