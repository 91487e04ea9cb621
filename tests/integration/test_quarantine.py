"""If the settings name a dead-letter queue, rejected messages go there at once."""

from typing import Any

import pytest

from local.aws import AwsEndpoint
from local.postgres import free_port
from tests.function import Function
from tests.scratch import Scratch
from tests.support import NOON, make_record, make_records


def receive(aws: AwsEndpoint, queue: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Returns body and attributes of all letters, by the messageId of the rejected message."""
    found: dict[str, Any] = {}
    while True:
        answer = aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        for message in answer.get("Messages", []):
            attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
            assert attributes["message_id"] not in found
            found[attributes["message_id"]] = (message["Body"], attributes)
        if not answer.get("Messages"):
            return found


def test_rejects_are_sent_with_their_reason(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str
) -> None:
    bad = [make_record("{", attributes={"event_id": f"event {number}", "other": "kept"}) for number in range(23)]
    bad.append(make_record(ip="x"))
    assert function(*bad, *make_records(2)) == []  # the queue need not deliver them again
    messages = receive(aws, queue)
    assert {key: body for key, (body, _) in messages.items()} == {row["messageId"]: row["body"] for row in bad}
    assert messages[bad[0]["messageId"]][1] == {
        "bare_event": "true",
        "event_id": "event 0",
        "message_id": bad[0]["messageId"],
        "other": "kept",
        "reason": "invalid_json",
        "sent_timestamp": str(NOON),
    }
    assert messages[bad[-1]["messageId"]][1]["field"] == "ip"
    assert (database.count(), database.count("rejected_logins")) == (2, 24)
    assert function.read_output().metrics["RecordsRejected"] == 24


def test_letter_that_sqs_has_redriven_carries_its_new_reason_only(
    aws: AwsEndpoint, function: Function, queue: str
) -> None:
    notes = {"reason": "invalid_ip", "field": "ip", "message_id": "its first one"}
    assert function(bad := make_record("{", attributes=notes)) == []
    ((key, (_, attributes)),) = receive(aws, queue).items()
    assert (key, attributes["reason"]) == (bad["messageId"], "invalid_json")
    assert "field" not in attributes


def test_letter_keeps_the_time_that_its_producer_gave(aws: AwsEndpoint, function: Function, queue: str) -> None:
    assert function(make_record("{", attributes={"sent_timestamp": "1600000000000"})) == []
    ((_, attributes),) = receive(aws, queue).values()
    assert attributes["sent_timestamp"] == "1600000000000"


def test_row_that_the_database_refuses_is_sent_too(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str
) -> None:
    database.execute("ALTER TABLE user_logins ADD CHECK (locale <> 'ZZ')")
    bad = make_record(locale="ZZ")
    assert function(*make_records(3), bad) == []
    ((key, (_, attributes)),) = receive(aws, queue).items()
    assert (key, attributes["reason"]) == (bad["messageId"], "database")
    assert database.count() == 3


@pytest.mark.parametrize("trouble", ["no such queue", "no endpoint"])
def test_what_cannot_be_sent_is_left_to_redrive(
    function: Function,
    database: Scratch,
    queue: str,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
) -> None:
    if trouble == "no such queue":
        monkeypatch.setenv("DLQ_URL", queue + "-missing")
        bad = make_record("{")
    else:
        assert function() == []  # the salt is there
        bad = make_record("{")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert function(bad, make_record()) == [bad["messageId"]]
    assert (database.count(), database.count("rejected_logins")) == (1, 1)


def test_record_that_sqs_would_not_take_is_left_to_redrive(function: Function, database: Scratch, queue: str) -> None:
    bad = make_record() | {"body": None}
    full = make_record("{", attributes={f"name{number}": "x" for number in range(10)})
    assert function(bad, full) == [bad["messageId"], full["messageId"]]
    assert database.count("rejected_logins") == 2
