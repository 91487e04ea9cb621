"""A queue's answers that the emulator never gives: SQS confirms some messages, refuses some and is silent on others."""

from typing import Any

from ops.queues import Queue

CONFIRMED, REFUSED, SILENT = "confirmed", "refused", "silent"


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
            if entry[key] == CONFIRMED:
                answer.setdefault("Successful", []).append({"Id": entry["Id"]})
            elif entry[key] == REFUSED:
                answer.setdefault("Failed", []).append({"Id": entry["Id"], "Code": "InternalError"})
        return answer


def make_queue(sqs: Any) -> Queue:
    return Queue(sqs, "https://sqs.example.com/1/logins")


def test_sent_is_what_sqs_has_confirmed() -> None:
    sqs = ForgetfulSqs()
    texts = [*[CONFIRMED] * 10, SILENT, CONFIRMED, REFUSED]
    failures = make_queue(sqs).send([{"MessageBody": text} for text in texts])
    assert failures == {10: "NotConfirmed", 12: "InternalError"}
    assert sqs.calls == [10, 3]


def test_nothing_confirmed_is_nothing_sent() -> None:
    failures = make_queue(ForgetfulSqs()).send([{"MessageBody": REFUSED}, {"MessageBody": SILENT}])
    assert failures == {0: "InternalError", 1: "NotConfirmed"}


def test_deleted_is_what_sqs_has_confirmed() -> None:
    sqs = ForgetfulSqs()
    handles: Any = [{"ReceiptHandle": text} for text in [*[CONFIRMED] * 10, SILENT, CONFIRMED, REFUSED]]
    assert make_queue(sqs).delete(handles) == 11
    assert make_queue(sqs).delete(handles[10:11]) == 0
    assert sqs.calls == [10, 3, 1]


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
