"""`dlq`: nothing lost, nothing doubled, no value on the screen unless asked for."""

import json
import random
import time
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from lambda_src.normal_forms import normal_event_id
from ops.queues import Queue, Sent
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.queues import Queues
from tests.scratch import Scratch
from tests.support import make_body

CANARY = "198.51.100.77"


def body(**changes: Any) -> str:
    return json.dumps(make_body(**changes))


def put_noted(queues: Queues, text: str, **notes: str) -> str:
    """A letter as the function itself sends it; returns its event_id."""
    event_id = str(uuid.uuid4())
    values = {"reason": "invalid_ip", "field": "ip", "event_id": event_id, "message_id": str(uuid.uuid4()),
              "sent_timestamp": "1700000000000", **notes}  # fmt: skip
    queues.put(text, dead=True, **values)
    return values["event_id"]


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (("list",), []),
        (("redrive",), None),
        (("redrive", "--dry-run"), {"dry_run": True, "events": 0, "letters": 0}),
        (("purge", "--yes"), {"deleted": 0, "not_deleted": 0}),
        (("purge", "--dry-run"), {"dry_run": True, "letters": 0}),
    ],
)
def test_no_letter_is_nothing_found(
    loginpipe: CommandLine, queues: Queues, words: tuple[str, ...], out: object
) -> None:
    queues.put("not json", dead=True, reason="invalid_json")
    finished = loginpipe("--json", "dlq", *words, "--reason", "invalid_ip")
    assert finished.code == 4
    assert json.loads(finished.err) == {"error": "There is no such dead letter.", "exit_code": 4}
    assert out is None or finished.data == out
    assert queues.count(dead=True) == 1


def test_misspelt_reason_is_refused(loginpipe: CommandLine) -> None:
    finished = loginpipe("dlq", "purge", "--yes", "--reason", "invaild_ip")
    assert (finished.code, finished.out) == (2, "")
    assert "Did you mean 'invalid_ip'?" in finished.err


def test_list_noted_letter(loginpipe: CommandLine, queues: Queues) -> None:
    event_id = put_noted(queues, body(ip="nowhere"))
    finished = loginpipe("dlq", "list", "--json")
    (row,) = finished.data
    assert finished.code == 0
    assert row["event_id"] == event_id
    assert (row["reason"], row["field"], row["letters"]) == ("invalid_ip", "ip", 1)
    assert row["sent"] == "2023-11-14T22:13:20Z"
    assert row["age_seconds"] > 86_400


def test_list_reason_of_database(loginpipe: CommandLine, queues: Queues, database: Scratch) -> None:
    message_id = queues.put(body(), dead=True)
    database.execute(
        "INSERT INTO rejected_logins (event_id, message_id, reason, field) VALUES (%s, %s, 'empty', 'user_id')",
        message_id, message_id,
    )  # fmt: skip
    (row,) = loginpipe("--json", "dlq", "list").data
    assert (row["reason"], row["field"], row["message_id"]) == ("empty", "user_id", message_id)


def test_list_without_database(loginpipe: CommandLine, queues: Queues) -> None:
    queues.put(body(), dead=True)
    (row,) = loginpipe("--json", "dlq", "list", PGHOST="").data
    assert row["reason"] is None


def test_list_database_away(loginpipe: CommandLine, queues: Queues) -> None:
    queues.put(body(), dead=True)
    finished = loginpipe("--json", "dlq", "list", PGPORT="1")
    assert (finished.code, len(finished.data)) == (0, 1)
    assert "Reasons that only the database knows are missing" in finished.err


def test_list_hides_values(loginpipe: CommandLine, queues: Queues) -> None:
    put_noted(queues, body(ip=CANARY, device_id="canary-device"))
    for words in (("dlq", "list"), ("dlq", "list", "--json"), ("dlq", "redrive", "-n"), ("dlq", "purge", "-n")):
        finished = loginpipe(*words)
        assert "canary" not in (finished.out + finished.err)
        assert CANARY not in finished.out + finished.err
    assert CANARY in loginpipe("dlq", "list", "--show").out
    assert CANARY in loginpipe("dlq", "list", "--show", "--json").data[0]["body"]


def test_list_show_escape_sequence(loginpipe: CommandLine, queues: Queues) -> None:
    queues.put("\x9b2J \u202e", dead=True)
    shown = loginpipe("dlq", "list", "--show").out
    assert "\x9b" not in shown
    assert "\\x9b2J \\u202e" in shown


def test_list_takes_nothing(loginpipe: CommandLine, queues: Queues) -> None:
    for number in range(25):
        queues.put(body(user_id=str(number)), dead=True)
    assert len(loginpipe("--json", "dlq", "list").data) == 25
    assert queues.visible(dead=True) == 25
    assert len(loginpipe("--json", "dlq", "list", "--limit", "12").data) == 12
    assert queues.visible(dead=True) == 25


def test_list_filters(loginpipe: CommandLine, queues: Queues) -> None:
    first = put_noted(queues, body(user_id="one"))
    second = put_noted(queues, body(user_id="two"), reason="empty", field="user_id")
    third = queues.put(body(user_id="three"), dead=True)
    found = {
        words: [row["event_id"] for row in loginpipe("--json", "dlq", "list", *words).data]
        for words in (("--reason", "empty"), ("--id", third), ("--user-id", "one"), ("--reason", "unknown"),
                      ("--id", first, "--reason", "empty"))
    }  # fmt: skip
    assert list(found.values()) == [[second], [third], [first], [third], []]


def test_list_two_letters_of_one_event(loginpipe: CommandLine, queues: Queues) -> None:
    event_id = put_noted(queues, body())
    put_noted(queues, body(), event_id=event_id)
    (row,) = loginpipe("--json", "dlq", "list").data
    assert row["letters"] == 2


def test_list_odd_letters(loginpipe: CommandLine, queues: Queues) -> None:
    queues.put("[" * 20_000, dead=True, sent_timestamp="soon", event_id="no uuid")
    queues.put("{}", dead=True, sent_timestamp="9" * 400, reason="ours")
    rows = loginpipe("--json", "dlq", "list", "--user-id", "x").data
    assert rows == []
    rows = loginpipe("--json", "dlq", "list").data
    assert {row["event_id"] for row in rows} > {normal_event_id("no uuid")}
    assert [row["reason"] for row in rows] == [None, None]


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
    """As after a kill between sending and deleting: the letter is still there, and its copy too."""
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
    queues.put("x", dead=True, reason="empty")  # no note of the function's: that has a message_id too
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
    """A copy that comes back while the command runs is neither sent in circles nor deleted."""
    event_id = put_noted(queues, body(ip="bad"))
    send = Queue.send

    def send_and_return(self: Queue, messages: Any) -> Sent:
        sent = send(self, messages)
        put_noted(queues, body(ip="bad"), event_id=event_id)  # at once, as the function does with DLQ_URL
        return sent

    monkeypatch.setattr(Queue, "send", send_and_return)
    data = loginpipe("--json", "dlq", "redrive", "--rate", "1", "--hold", "3").data
    assert (data["sent"], data["came_back"]) == (1, 1)
    assert queues.visible(dead=True) == 1


def test_redrive_rate(loginpipe: CommandLine, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only sleeping moves on."""
    for number in range(12):
        put_noted(queues, body(user_id=str(number)))
    slept: list[float] = []
    monkeypatch.setattr("ops.redrive.time", SimpleNamespace(sleep=slept.append, monotonic=lambda: 100 + sum(slept)))
    assert loginpipe("--json", "dlq", "redrive", "--rate", "6").data["sent"] == 12
    assert sum(slept) == pytest.approx(1.0)  # the first six at once, the last six a second later


def test_redrive_keeps_what_sqs_refuses(
    loginpipe: CommandLine, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter whose copy SQS did not confirm stays a dead letter."""
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
    """SIGKILL at random moments, until all is redriven: each event is one row, none is lost."""
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
    assert loginpipe("dlq", "redrive").code in (0, 4)  # 4: the last one was killed after its work
    queues.deliver(function)
    assert queues.count(dead=True) == 0
    assert database.rows() == sorted((f"user {number}",) for number in range(letters))


def test_redrive_error_leaves_letters_visible(loginpipe: CommandLine, queues: Queues) -> None:
    put_noted(queues, body())
    finished = loginpipe("dlq", "redrive", QUEUE_URL=queues.url + "-gone")
    assert finished.code == 1
    assert "AWS refuses SendMessageBatch" in finished.err
    assert queues.visible(dead=True) == 1


def test_purge_asks(loginpipe: CommandLine, queues: Queues) -> None:
    put_noted(queues, body())
    for answer in ("", "n\n"):
        assert loginpipe("dlq", "purge", answer=answer).code != 0
        assert queues.visible(dead=True) == 1
    assert loginpipe("dlq", "purge", answer="y\n").code == 0
    assert queues.count(dead=True) == 0


def test_purge_chosen_only(loginpipe: CommandLine, queues: Queues) -> None:
    put_noted(queues, body(user_id="erased"))
    kept = put_noted(queues, body(user_id="kept"))
    assert loginpipe("--json", "dlq", "purge", "--user-id", "erased", "--yes").data == {"deleted": 1, "not_deleted": 0}
    assert [row["event_id"] for row in loginpipe("--json", "dlq", "list").data] == [kept]


def test_dead_letter_queue_of_redrive_policy(loginpipe: CommandLine, queues: Queues) -> None:
    put_noted(queues, body())
    assert len(loginpipe("--json", "dlq", "list", DLQ_URL="").data) == 1


def test_nothing_known(loginpipe: CommandLine) -> None:
    finished = loginpipe("dlq", "list", DLQ_URL="", QUEUE_URL="")
    assert finished.code == 2
    assert "set DLQ_URL, or give --stack NAME" in finished.err
