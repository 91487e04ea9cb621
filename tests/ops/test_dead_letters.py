"""`dlq list` and `dlq purge`: they show no value unless `--show` asks for it, and delete only what was chosen."""

import json

import pytest

from lambda_src.normal_forms import normal_event_id
from tests.ops.command_line import CommandLine
from tests.ops.dead_letters import body, put_noted
from tests.ops.queues import Queues
from tests.scratch import Scratch

CANARY = "198.51.100.77"


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
