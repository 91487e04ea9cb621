"""`dlq redrive`: it loses no letter, and each event is one row."""

import random
import time
from types import SimpleNamespace
from typing import Any

import pytest

from ops.queues import Queue, Sent
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.dead_letters import body, put_noted
from tests.ops.queues import Queues
from tests.scratch import Scratch


def test_redrive_makes_one_row(loginpipe: CommandLine, queues: Queues, database: Scratch, function: Function) -> None:
    event_id = put_noted(queues, body(user_id="late"))
    put_noted(queues, body(user_id="late"), event_id=event_id)
    moved = queues.put(body(user_id="moved"), dead=True)
    finished = loginpipe("--json", "dlq", "redrive")
    assert finished.data | {"failed": {}} == {
        "sent": 2, "deleted": 3, "came_back": 0, "failed": {}, "attributes_dropped": 0,
    }  # fmt: skip
    assert (queues.count(dead=True), queues.count()) == (0, 2)
    queues.deliver(function)
    rows = database.rows("event_id::text, create_date::text, user_id")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert sorted(rows) == sorted([(event_id, "2023-11-14", "late"), (moved, today, "moved")])


def test_redrive_twice_is_one_row(
    loginpipe: CommandLine, queues: Queues, database: Scratch, function: Function
) -> None:
    """A kill between sending and deleting leaves both the letter and its copy."""
    event_id = put_noted(queues, body())
    assert loginpipe("dlq", "redrive").code == 0
    put_noted(queues, body(), event_id=event_id)
    assert loginpipe("dlq", "redrive").code == 0
    queues.deliver(function)
    assert database.count() == 1


def test_redrive_attributes(loginpipe: CommandLine, queues: Queues) -> None:
    notes = {"reason": "invalid_ip", "field": "ip", "message_id": "m", "event_id": "e", "sent_timestamp": "5"}
    queues.aws.sqs.send_message(
        QueueUrl=queues.dead_letter_url,
        MessageBody="x",
        MessageAttributes={
            **{name: {"DataType": "String", "StringValue": text} for name, text in notes.items()},
            "trace": {"DataType": "Number.count", "StringValue": "7"},
            "blob": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )
    assert loginpipe("dlq", "redrive").code == 0
    (message,) = queues.take()
    attributes = message["MessageAttributes"]
    assert attributes.keys() == {"event_id", "sent_timestamp", "trace", "blob"}
    assert attributes["trace"] == {"DataType": "Number.count", "StringValue": "7"}
    assert attributes["blob"]["BinaryValue"] == b"\x00\xff"
    assert attributes["event_id"]["StringValue"] == "e"
    assert attributes["sent_timestamp"]["StringValue"] == "5"


def test_redrive_too_many_attributes(loginpipe: CommandLine, queues: Queues) -> None:
    message_id = queues.put("x", dead=True, **{f"own{number}": "v" for number in range(10)}, reason="of the producer's")
    finished = loginpipe("--json", "dlq", "redrive")
    assert finished.data["attributes_dropped"] == 3
    (message,) = queues.take()
    attributes = message["MessageAttributes"]
    assert len(attributes) == 10
    assert attributes["event_id"]["StringValue"] == message_id
    assert attributes.keys() >= {"sent_timestamp", "own0", "own7"}


def test_redrive_keeps_producers_reason(loginpipe: CommandLine, queues: Queues) -> None:
    queues.put("x", dead=True, reason="empty")  # the function's own note has a message_id too
    assert loginpipe("dlq", "redrive").code == 0
    (message,) = queues.take()
    assert message["MessageAttributes"]["reason"]["StringValue"] == "empty"


def test_redrive_chosen_only(loginpipe: CommandLine, queues: Queues) -> None:
    for number in range(15):
        put_noted(queues, body(user_id=str(number)), reason="database" if number % 3 == 0 else "empty")
    finished = loginpipe("--json", "dlq", "redrive", "--reason", "database", "--dry-run")
    assert finished.data == {"dry_run": True, "events": 5, "letters": 5}
    assert (queues.visible(dead=True), queues.count()) == (15, 0)
    assert loginpipe("--json", "dlq", "redrive", "--reason", "database").data["sent"] == 5
    assert (queues.visible(dead=True), queues.count()) == (10, 5)


def test_redrive_rejected_again_ends(
    loginpipe: CommandLine, queues: Queues, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy may come back during the command. The command does not send it again, and does not delete it."""
    event_id = put_noted(queues, body(ip="bad"))
    send = Queue.send

    def send_and_return(self: Queue, messages: Any) -> Sent:
        sent = send(self, messages)
        put_noted(queues, body(ip="bad"), event_id=event_id)  # at once, as the function with DLQ_URL does
        return sent

    monkeypatch.setattr(Queue, "send", send_and_return)
    data = loginpipe("--json", "dlq", "redrive", "--rate", "1", "--hold", "3").data
    assert (data["sent"], data["came_back"]) == (1, 1)
    assert queues.visible(dead=True) == 1


def test_redrive_rate(loginpipe: CommandLine, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this test moves only during a sleep."""
    for number in range(12):
        put_noted(queues, body(user_id=str(number)))
    slept: list[float] = []
    monkeypatch.setattr("ops.redrive.time", SimpleNamespace(sleep=slept.append, monotonic=lambda: 100 + sum(slept)))
    assert loginpipe("--json", "dlq", "redrive", "--rate", "6").data["sent"] == 12
    assert sum(slept) == pytest.approx(1.0)  # the first six at once, the last six a second later


def test_redrive_keeps_what_sqs_refuses(
    loginpipe: CommandLine, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If SQS does not confirm a copy, its letter stays."""
    for number in range(5):
        put_noted(queues, body(user_id=str(number)))
    send = Queue.send

    def send_some(self: Queue, messages: Any) -> Sent:
        sent = send(self, messages[:-2])
        return Sent(sent.message_ids, dict.fromkeys((len(messages) - 2, len(messages) - 1), "InternalError"))

    monkeypatch.setattr(Queue, "send", send_some)
    finished = loginpipe("--json", "dlq", "redrive", "--limit", "5")
    assert (finished.code, finished.data["sent"], finished.data["deleted"]) == (3, 3, 3)
    assert (queues.count(), queues.visible(dead=True)) == (3, 2)
    assert set(finished.data["failed"].values()) == {"InternalError"}


def test_redrive_large_messages(loginpipe: CommandLine, queues: Queues) -> None:
    for _ in range(3):
        queues.put("x" * 200_000, dead=True)
    assert loginpipe("--json", "dlq", "redrive").data["sent"] == 3
    assert queues.count() == 3


def test_redrive_killed_at_any_moment(
    loginpipe: CommandLine, queues: Queues, database: Scratch, function: Function
) -> None:
    """SIGKILL ends the command at random moments. In the end each event is one row, and none is lost."""
    seed = 20_261_121
    chance = random.Random(seed)  # noqa: S311  moments to kill at
    letters = 60
    for number in range(letters):
        put_noted(queues, body(user_id=f"user {number}"))
    killed = 0
    for _ in range(4):
        before = queues.count(dead=True)
        process = loginpipe.start("dlq", "redrive", "--rate", "20", "--hold", "2")
        while process.poll() is None and queues.count(dead=True) == before:
            time.sleep(0.1)
        time.sleep(chance.uniform(0, 0.4))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
        queues.deliver(function)
        assert database.count() + queues.count(dead=True) >= letters
    assert killed >= 2, f"seed {seed}: the command was too fast to be killed"
    time.sleep(2.1)
    assert loginpipe("dlq", "redrive").code in (0, 4)  # 4: the last kill came after the work
    queues.deliver(function)
    assert queues.count(dead=True) == 0
    assert database.rows() == sorted((f"user {number}",) for number in range(letters))


def test_redrive_error_leaves_letters_visible(loginpipe: CommandLine, queues: Queues) -> None:
    put_noted(queues, body())
    finished = loginpipe("dlq", "redrive", QUEUE_URL=queues.url + "-gone")
    assert finished.code == 1
    assert "AWS refuses SendMessageBatch" in finished.err
    assert queues.visible(dead=True) == 1
