"""`report`, `doctor` and the command line itself."""

import json
import time
from typing import Any

import pytest

from local.aws import AwsEndpoint
from local.vault import create_vault_key
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.queues import Queues
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record


def today(database: Scratch) -> str:
    ((day,),) = database.query("SELECT (now() AT TIME ZONE 'UTC')::date::text")
    return str(day)


@pytest.fixture
def logins(function: Function, database: Scratch) -> None:
    """Three users on one device today, and two rejects."""
    now = int(time.time() * 1000)
    good = [make_record(user_id=f"u{n}", sent=now, device_id="shared", ip=f"10.0.0.{n}") for n in range(3)]
    bad = [make_record(sent=now, ip="bad"), make_record(sent=now, user_id="")]
    assert len(function(*good, *bad)) == 2


def test_report(loginpipe: CommandLine, database: Scratch, logins: None) -> None:
    data = loginpipe("--json", "report").data
    day = today(database)
    assert data["days"] == [{"day": day, "logins": 3, "users": 3, "devices": 1, "ips": 3, "new_devices": 1}]
    assert data["period"]["totals"] == {
        "logins": 3, "users": 3, "devices": 1, "ips": 3, "new_devices": 1, "rejects": 2,
    }  # fmt: skip
    assert (data["period"]["last_day"], data["period"]["days"]) == (day, 30)
    assert set(data["period"]["before"].values()) == {0}
    assert data["shared_devices"]["count"] == 1
    assert [(row["users"], row["logins"]) for row in data["shared_devices"]["top"]] == [(3, 3)]
    assert {row["users"]: row["pseudonyms"] for row in data["shared_devices"]["sizes"]} == {
        "2": 0, "3": 1, "4": 0, "5": 0, "6-10": 0, "11-20": 0, "21-50": 0, "51+": 0,
    }  # fmt: skip
    assert (data["shared_ips"]["count"], data["shared_ips"]["top"]) == (0, [])
    assert data["rejects"] == [
        {"day": day, "reason": "empty", "events": 1, "deliveries": 1},
        {"day": day, "reason": "invalid_ip", "events": 1, "deliveries": 1},
    ]
    assert "invalid_ip" in loginpipe("report").out
    narrow = loginpipe("report", COLUMNS="60").out
    assert max(map(len, narrow.splitlines())) <= 60
    assert day in narrow


# ---- doctor ---------------------------------------------------------------------------------------------------------


def statuses(loginpipe: CommandLine, **environment: str) -> dict[str, Any]:
    finished = loginpipe("--json", "doctor", **environment)
    worst = {finding["status"] for finding in finished.data}
    assert finished.code == (3 if "error" in worst else 0)
    assert all(finding["advice"] for finding in finished.data if finding["status"] in ("error", "warning"))
    return {finding["check"]: finding["status"] for finding in finished.data}


def test_doctor_well(loginpipe: CommandLine) -> None:
    found = statuses(loginpipe)
    assert {check: status for check, status in found.items() if status != "ok"} == {"function": "skipped"}
    assert found.keys() >= {
        "caller", "queue", "visibility timeout", "redrive policy", "retention of messages", "dead letters", "clock",
        "salt", "salt value",
        "database", "database clock", "schema", "partitions", "privileges", "vault",
    }  # fmt: skip
    assert "privileges" in loginpipe("doctor").out


@pytest.mark.parametrize(("seconds", "status"), [(0, "error"), (5, "error"), (6, "ok")])
def test_doctor_visibility_timeout(loginpipe: CommandLine, queues: Queues, seconds: int, status: str) -> None:
    queues.aws.sqs.set_queue_attributes(QueueUrl=queues.url, Attributes={"VisibilityTimeout": str(seconds)})
    finished = loginpipe("--json", "doctor")
    (finding,) = (each for each in finished.data if each["check"] == "visibility timeout")
    assert finding["status"] == status
    assert ("VisibilityTimeout to 6 or more" in finding["advice"]) is (status == "error")


def test_doctor_queue_without_redrive_policy(loginpipe: CommandLine, queues: Queues) -> None:
    bare = queues.aws.sqs.create_queue(QueueName="bare")["QueueUrl"]
    assert statuses(loginpipe, QUEUE_URL=bare)["redrive policy"] == "error"


def test_doctor_other_dead_letter_queue(loginpipe: CommandLine, queues: Queues) -> None:
    other = queues.aws.sqs.create_queue(QueueName="other")["QueueUrl"]
    assert statuses(loginpipe, DLQ_URL=other)["redrive policy"] == "error"


@pytest.mark.parametrize(("more", "status"), [(-1, "error"), (0, "error"), (1, "ok")])
def test_doctor_dead_letters_are_kept_longer_than_messages(
    loginpipe: CommandLine, queues: Queues, more: int, status: str
) -> None:
    for url, seconds in ((queues.url, 86_400), (queues.dead_letter_url, 86_400 + more)):
        queues.aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": str(seconds)})
    assert statuses(loginpipe)["retention of messages"] == status


def test_doctor_dead_letters(loginpipe: CommandLine, queues: Queues) -> None:
    queues.put("x", dead=True)
    assert statuses(loginpipe)["dead letters"] == "warning"


def test_doctor_no_queue(loginpipe: CommandLine, queues: Queues) -> None:
    found = statuses(loginpipe, QUEUE_URL=queues.url + "-gone")
    assert (found["queue"], found["schema"]) == ("error", "ok")


def test_doctor_salt(loginpipe: CommandLine, salt: SaltParameter) -> None:
    assert statuses(loginpipe, SALT_PARAMETER="/not/there")["salt"] == "error"
    salt.put("not a salt")
    assert statuses(loginpipe)["salt value"] == "error"
    salt.aws.ssm.put_parameter(Name=salt.name + "-plain", Value="x", Type="String")
    assert statuses(loginpipe, SALT_PARAMETER=salt.name + "-plain")["salt"] == "error"


def test_doctor_database_away(loginpipe: CommandLine) -> None:
    assert statuses(loginpipe, PGPORT="1")["database"] == "error"
    assert statuses(loginpipe, PGHOST="")["database"] == "skipped"


def test_doctor_schema(loginpipe: CommandLine, database: Scratch) -> None:
    database.execute("DELETE FROM schema_migrations WHERE name = 'functions/forget_user'")
    assert statuses(loginpipe)["schema"] == "error"


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT SELECT ON vault.originals TO analyst",
        "GRANT DELETE ON user_logins TO ingest",
        "REVOKE INSERT ON user_logins FROM ingest",
        "GRANT SELECT ON user_logins TO custodian",
    ],
)
def test_doctor_privileges(loginpipe: CommandLine, database: Scratch, statement: str) -> None:
    database.execute(statement)
    assert statuses(loginpipe)["privileges"] == "error"


def test_doctor_schema_public_that_is_open(loginpipe: CommandLine, database: Scratch) -> None:
    assert "schema public" not in statuses(loginpipe)
    database.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    assert statuses(loginpipe)["schema public"] == "warning"


def test_doctor_partitions(loginpipe: CommandLine, database: Scratch) -> None:
    for (name,) in database.query("SELECT partition::text FROM login_months() WHERE month > now()"):
        database.execute(f"DROP TABLE {name}")
    assert statuses(loginpipe)["partitions"] == "warning"


def test_doctor_vault_key(loginpipe: CommandLine, sealing_function: Function, aws: AwsEndpoint) -> None:
    assert sealing_function(make_record()) == []
    assert statuses(loginpipe)["vault"] == "ok"
    assert statuses(loginpipe, VAULT_KEY="")["vault"] == "warning"
    other = create_vault_key(aws.kms).arn
    assert statuses(loginpipe, VAULT_KEY=other)["vault"] == "error"


def test_doctor_vault_that_is_never_unfolded(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch
) -> None:
    assert sealing_function(make_record()) == []
    assert "vault inbox" not in statuses(loginpipe)
    database.execute("UPDATE vault.inbox SET created_at = now() - interval '2 days'")
    assert statuses(loginpipe)["vault inbox"] == "warning"
    assert loginpipe("upkeep").code == 0
    assert "vault inbox" not in statuses(loginpipe)


def test_doctor_batch_that_cannot_be_unfolded(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch
) -> None:
    assert sealing_function(make_record()) == []
    assert "vault faults" not in statuses(loginpipe)
    database.execute("UPDATE vault.inbox SET boxes = '***'")
    assert loginpipe("upkeep").code == 0
    assert statuses(loginpipe)["vault faults"] == "error"


# ---- the command line itself ----------------------------------------------------------------------------------------


def test_help_names_every_command(loginpipe: CommandLine) -> None:
    finished = loginpipe("--help")
    assert finished.code == 0
    for command in ("dlq", "send", "report", "salt", "mask", "lookup", "recover", "forget", "audit", "retention",
                    "archive", "query", "worker", "doctor", "Exit codes"):  # fmt: skip
        assert command in finished.out


@pytest.mark.parametrize("words", [("dlq", "--json", "list"), ("dlq", "list", "--json"), ("--json", "dlq", "list")])
def test_json_anywhere(loginpipe: CommandLine, words: tuple[str, ...]) -> None:
    assert loginpipe(*words).data == []


def test_wrong_words(loginpipe: CommandLine) -> None:
    assert loginpipe("dance").code == 2
    assert loginpipe("dlq", "redrive", "--rate", "fast").code == 2


def test_errors_as_json(loginpipe: CommandLine) -> None:
    finished = loginpipe("--json", "lookup", "--ip", "192.0.2.1", "--reason", "r", SALT_PARAMETER="")
    assert (finished.code, json.loads(finished.err)["exit_code"]) == (2, 2)


def test_no_traceback_without_aws(loginpipe: CommandLine) -> None:
    finished = loginpipe("dlq", "list", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert (finished.code, "Traceback" in finished.err, finished.err.count("\n")) == (1, False, 1)
