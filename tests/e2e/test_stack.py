"""From SQS through AWS's runtime emulator to Postgres."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lambda_src.new_salt import put_new_salt
from local.bodies import SPOILERS, generate_bodies
from local.errors import FunctionError
from local.outcome import sum_metric
from local.queues import receive_letters
from local.stack import Stack, StackSettings
from ops.queues import Queue
from tests.e2e.conftest import query, wait_until
from tests.support import failed_ids

EVENTS = Path(__file__).parents[2] / "events"
SELECT_WRITTEN = "SELECT event_id::text FROM user_logins WHERE event_id = ANY(%s::uuid[])"
SELECT_REASONS = "SELECT message_id, reason FROM rejected_logins WHERE message_id = ANY(%s)"


def load_event(name: str) -> dict[str, Any]:
    """A file of events/."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


@pytest.mark.parametrize(
    ("name", "rows", "reasons"),
    [
        ("valid", 8, []),
        ("mixed", 4, ["invalid_json", "invalid_ip", "missing_field", "wrong_type"]),
        ("malformed", 0, list(SPOILERS)),
        ("duplicate", 2, []),
    ],
)
def test_sample_event(stack: Stack, name: str, rows: int, reasons: list[str]) -> None:
    event = load_event(name)
    ids = [record["messageId"] for record in event["Records"]]
    failed = failed_ids(stack.function.invoke(event))
    rejects = dict(query(stack, SELECT_REASONS, ids))
    assert len(query(stack, SELECT_WRITTEN, ids)) == rows
    assert sorted(rejects.values()) == sorted(reasons)
    assert sorted(failed) == sorted(rejects)


def test_sample_event_twice_makes_no_second_row(stack: Stack) -> None:
    event = load_event("valid")
    for _ in range(2):
        assert failed_ids(stack.function.invoke(event)) == []
    ids = [record["messageId"] for record in event["Records"]]
    assert len(query(stack, SELECT_WRITTEN, ids)) == len(ids)


def test_event_that_is_no_batch_fails_the_invocation(stack: Stack) -> None:
    with pytest.raises(FunctionError, match="EventError"):
        stack.function.invoke({"detail-type": "Scheduled Event"})
    assert failed_ids(stack.function.invoke({"Records": []})) == []


def test_message_arrives_as_row_and_poison_in_the_dead_letter_queue(stack: Stack) -> None:
    bodies = generate_bodies(60, seed=7, bad=18)
    sent = Queue(stack.aws.sqs, stack.queue.url).send([{"MessageBody": body.text} for body in bodies])
    ids = list(sent.message_ids.values())
    reasons = {message_id: body.reason for message_id, body in zip(ids, bodies, strict=True)}
    dead: set[str] = set()

    def all_are_settled() -> bool:
        dead.update(receive_letters(stack.aws.sqs, stack.queue.dead_letter_url).keys() & set(ids))
        return len(dead) + len(query(stack, SELECT_WRITTEN, ids)) == len(ids)

    wait_until(all_are_settled)
    assert {message_id for (message_id,) in query(stack, SELECT_WRITTEN, ids)} == {
        message_id for message_id, reason in reasons.items() if reason is None
    }
    assert dict(query(stack, SELECT_REASONS, ids)) == {
        message_id: reason for message_id, reason in reasons.items() if reason is not None
    }
    assert dead == {message_id for message_id, reason in reasons.items() if reason is not None}
    assert not receive_letters(stack.aws.sqs, stack.queue.url).keys() & set(ids)


def test_attributes_of_a_message_reach_the_function(stack: Stack) -> None:
    stack.aws.sqs.send_message(
        QueueUrl=stack.queue.url,
        MessageBody=generate_bodies(1, seed=8)[0].text,
        MessageAttributes={
            "event_id": {"DataType": "String", "StringValue": "c0ffee00-0000-4000-8000-000000000001"},
            "sent_timestamp": {"DataType": "Number", "StringValue": "1700000000000"},
            "trace": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )
    select = "SELECT create_date::text FROM user_logins WHERE event_id = 'c0ffee00-0000-4000-8000-000000000001'"
    wait_until(lambda: query(stack, select))
    assert query(stack, select) == [("2023-11-14",)]


def test_function_connects_as_ingest_only(stack: Stack) -> None:
    stack.function.invoke(load_event("valid"))
    users = query(
        stack, "SELECT usename, client_addr::text FROM pg_stat_activity WHERE application_name = 'login-pipeline'"
    )
    assert {user for user, _ in users} == {"ingest"}
    assert Counter(address for _, address in users).keys() == {"127.0.0.1/32"}


def test_stack_in_an_emulator_with_what_a_killed_one_has_left(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALSTACK_HOST", stack.aws.url.removeprefix("http://"))
    parameter = "/left-behind/salt"
    put_new_salt(stack.aws.ssm, parameter, None, overwrite=False)
    with Stack(StackSettings(tmp_path / "other", queue_name="left-behind")) as other:
        assert other.function.invoke(load_event("valid")) == {"batchItemFailures": []}
        assert query(other, "SELECT DISTINCT salt_version FROM user_logins") == [(2,)]
    assert stack.aws.ssm.get_parameters(Names=[parameter])["InvalidParameters"] == [parameter]


def test_function_log_holds_its_metrics(stack: Stack) -> None:
    before = sum_metric(stack.function.log_path, "RecordsReceived")
    stack.function.invoke(load_event("duplicate"))
    assert sum_metric(stack.function.log_path, "RecordsReceived") >= before + 4
