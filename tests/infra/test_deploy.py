"""Runs the real `cdk deploy` on an emulator, with a real Postgres: the whole life of a stack."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.monitoring import NAMESPACE
from local.cloud import ROOT, RUNTIME_PYTHON, STACK, LocalCloud
from tests.infra.conftest import read
from tests.support import make_body

IP = "199.172.111.135"  # the address in make_body
NO_DIFFERENCE = "Number of stacks with differences: 0"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not RUNTIME_PYTHON.exists(), reason="no Python 3.13 here, which runs the functions"),
]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    local = LocalCloud(tmp_path / "cloud")
    local.start()
    yield local
    local.stop()


def wait_for(what: str, condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.5)


def send(cloud: LocalCloud, queue_url: str, bodies: list[str]) -> None:
    sqs = cloud.client("sqs")
    for body in bodies:
        sqs.send_message(QueueUrl=queue_url, MessageBody=body)


def count(cloud: LocalCloud, table: str = "user_logins") -> int:
    ((rows,),) = cloud.query(f"SELECT count(*) FROM {table}")
    assert isinstance(rows, int)
    return rows


def invoke(cloud: LocalCloud, function: str) -> Any:
    return json.loads(cloud.client("lambda").invoke(FunctionName=function)["Payload"].read())


def depth(cloud: LocalCloud, queue_url: str) -> int:
    name = "ApproximateNumberOfMessages"
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])["Attributes"]
    return int(attributes[name])


def held(cloud: LocalCloud, queue_url: str) -> int:
    """Returns the number of messages in a queue, including messages in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def dead_letter(cloud: LocalCloud, queue_url: str, seconds: float) -> Any:
    """Takes the only message out of the dead-letter queue, and returns it."""
    wait_for("dead letter", lambda: depth(cloud, queue_url) == 1, seconds)
    sqs = cloud.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=queue_url, MessageAttributeNames=["All"])["Messages"]
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return message


def emitted_metrics(cloud: LocalCloud) -> set[tuple[str, tuple[str, ...], str]]:
    """Returns (metric, dimensions, service) of each metric that the function printed for CloudWatch."""
    found = set()
    for line in (cloud.directory / "ministack.log").read_text(encoding="utf-8").splitlines():
        if not line.startswith("{") or '"_aws"' not in line:
            continue
        fields = json.loads(line)
        for directive in fields["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == NAMESPACE
            for metric in directive["Metrics"]:
                for dimensions in directive["Dimensions"]:
                    found.add((metric["Name"], tuple(dimensions), fields["service"]))
    return found


def watched_metrics(template: dict[str, Any]) -> set[tuple[str, tuple[str, ...], str]]:
    """Returns (metric, dimensions, service) of each metric in the alarms and the dashboard."""
    found = set()
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::CloudWatch::Alarm" and properties["Namespace"] == NAMESPACE:
            dimensions = {item["Name"]: item["Value"] for item in properties["Dimensions"]}
            found.add((properties["MetricName"], tuple(dimensions), dimensions["service"]))
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            body = properties["DashboardBody"]
            text = "".join(part if isinstance(part, str) else "-" for part in body["Fn::Join"][1])
            for widget in json.loads(text)["widgets"]:
                for metric in widget["properties"].get("metrics", []):
                    if metric[0] == NAMESPACE:
                        pairs = dict(zip(metric[2:-1:2], metric[3::2], strict=False))
                        found.add((metric[1], tuple(pairs), pairs["service"]))
    return found


def operate(cloud: LocalCloud, *words: str) -> Any:
    """Runs a command on the deployed stack, which it knows only by name; returns the JSON output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG"))}
    finished = subprocess.run(
        [sys.executable, "-m", "ops", "--stack", STACK, "--json", *words],
        cwd=ROOT,
        env={**kept, **cloud.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr + finished.stdout
    return json.loads(finished.stdout)


def check_operator(cloud: LocalCloud, rows: int) -> None:
    """Asserts that the commands work through the operator functions."""
    findings = operate(cloud, "doctor")
    assert {finding["check"]: finding["found"] for finding in findings if finding["status"] == "error"} == {}
    assert sum(row["logins"] for row in operate(cloud, "report")["days"]) == rows
    assert operate(cloud, "lookup", "--ip", IP, "--reason", "drill")["total"] == rows


def make_vault_key(cloud: LocalCloud) -> dict[str, str]:
    """Creates a key for the vault; returns the CDK context that turns the vault on."""
    kms = cloud.client("kms")
    arn = kms.create_key(KeySpec="RSA_4096", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    public_key = base64.b64encode(kms.get_public_key(KeyId=arn)["PublicKey"]).decode()
    return {"vaultKeyArn": arn, "vaultPublicKey": public_key, "linking": "true"}


def check_vault(cloud: LocalCloud) -> None:
    """Asserts that the custodian's function recovers a value that was masked after the vault was turned on."""
    masked = operate(cloud, "mask", "ip", IP, "--reason", "drill")["pseudonym"]
    recovered = operate(cloud, "recover", "--ip", masked, "--reason", "drill", "--basis", "consent")
    assert recovered["original"] == IP
    assert operate(cloud, "salt", "rotate", "--yes") == {"version": 2}
    assert operate(cloud, "salt", "link", "1", "2", "--reason", "drill", "--yes")["linked"] > 0
    audit = cloud.query("SELECT action, role::text, request_id IS NOT NULL FROM audit.entries ORDER BY id")
    assert audit == [
        ("lookup", "masker", True), ("mask", "masker", True), ("recover", "custodian", True), ("mask", "masker", True),
        ("salt", "reader", True), ("link", "linker", True),
    ]  # fmt: skip


def left_over(cloud: LocalCloud) -> dict[str, list[str]]:
    """Returns the existing resources of the types that the stack makes, without those of the CDK's bootstrap."""
    every = {
        "queues": cloud.client("sqs").list_queues().get("QueueUrls", []),
        "functions": [item["FunctionName"] for item in cloud.client("lambda").list_functions()["Functions"]],
        "event sources": [
            item["UUID"] for item in cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        ],
        "parameters": [item["Name"] for item in cloud.client("ssm").describe_parameters()["Parameters"]],
        "roles": [item["RoleName"] for item in cloud.client("iam").list_roles()["Roles"]],
        "logs": [item["logGroupName"] for item in cloud.client("logs").describe_log_groups()["logGroups"]],
        "alarms": [item["AlarmName"] for item in cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "dashboards": [
            item["DashboardName"] for item in cloud.client("cloudwatch").list_dashboards()["DashboardEntries"]
        ],
        "topics": [item["TopicArn"] for item in cloud.client("sns").list_topics()["Topics"]],
        "secrets": [item["Name"] for item in cloud.client("secretsmanager").list_secrets()["SecretList"]],
        "keys": enabled_keys(cloud),
    }
    ours = {kind: [name for name in names if "hnb659fds" not in name] for kind, names in every.items()}
    ours["secrets"].remove("login-pipeline/database-owner")  # it belongs to the database, which is older than the stack
    return {kind: names for kind, names in ours.items() if names}


def enabled_keys(cloud: LocalCloud) -> list[str]:
    kms = cloud.client("kms")
    states = {key["KeyId"]: kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]}
    return [id_ for id_, key in states.items() if key["KeyState"] == "Enabled" and key["KeyManager"] == "CUSTOMER"]


def test_stack_lives_from_first_deploy_to_destroy(cloud: LocalCloud) -> None:
    # First deployment: the provision function migrates, sets the password of the role and makes the salt.
    outputs = cloud.deploy()
    ssm = cloud.client("ssm")
    salt = ssm.get_parameter(Name=outputs["SaltParameter"], WithDecryption=True)["Parameter"]
    assert (salt["Type"], salt["Version"]) == ("SecureString", 1)
    assert len(base64.b64decode(salt["Value"])) == 32
    assert salt["Value"] not in (cloud.directory / "ministack.log").read_text(encoding="utf-8")

    # Messages become rows; a bad message does not affect others.
    bodies = [json.dumps(make_body(user_id=f"user {number}")) for number in range(25)]
    sent_after = time.time()
    send(cloud, outputs["QueueUrl"], [*bodies[:10], '{"user_id": "poison"}', *bodies[10:]])
    wait_for("25 rows", lambda: count(cloud) == 25, 60)
    assert cloud.query("SELECT DISTINCT salt_version FROM user_logins") == [(1,)]
    wait_for("reject", lambda: count(cloud, "rejected_logins") == 1, 60)

    # The letter is sent after the row of the reject. If SQS does not confirm it in time, the message comes back once.
    message = dead_letter(cloud, outputs["DeadLetterQueueUrl"], 60)
    assert message["Body"] == '{"user_id": "poison"}'
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    rejects = cloud.query("SELECT reason, field, event_id::text, message_id::text FROM rejected_logins")
    reason, field = "missing_field", "app_version"
    assert rejects == [(reason, field, attributes["event_id"], attributes["message_id"])]
    assert attributes.items() >= {("reason", reason), ("field", field)}
    assert sent_after - 1 <= int(attributes.pop("sent_timestamp")) / 1000 <= time.time()
    assert set(attributes) == {"reason", "field", "event_id", "message_id", "bare_event"}
    wait_for("empty queue", lambda: held(cloud, outputs["QueueUrl"]) == 0, 10)

    # The function emits all metrics that the alarms and the dashboard name.
    watched = watched_metrics(read(cloud.directory / "cdk.out" / f"{STACK}.template.json"))
    assert {name for name, *_ in watched} >= {"RecordsReceived", "RecordsWritten", "RecordsRejected", "RecordsFailed"}
    wait_for("metrics", lambda: watched <= emitted_metrics(cloud), 10)

    check_operator(cloud, rows=25)

    # A second deployment without changes changes nothing. A second provisioning changes nothing either.
    assert NO_DIFFERENCE in cloud.cdk("diff")
    again = invoke(cloud, outputs["ProvisionFunctionName"])
    assert again == {"migrations": [], "passwords_set": [], "salt_created": False}
    assert ssm.get_parameter(Name=outputs["SaltParameter"])["Parameter"]["Version"] == 1

    # A deployment with changes applies them, and the pipeline keeps working.
    vault = make_vault_key(cloud)
    changes = {"memory": "512", "quarantine": "false", **vault}
    assert NO_DIFFERENCE not in cloud.cdk("diff", **changes)
    cloud.cdk("deploy", "--require-approval", "never", **changes)
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=outputs["FunctionName"])
    assert configuration["MemorySize"] == 512
    assert NO_DIFFERENCE in cloud.cdk("diff", **changes)
    send(cloud, outputs["QueueUrl"], [json.dumps(make_body(user_id="after the second deploy")), "[]"])
    wait_for("26th row", lambda: count(cloud) == 26, 60)

    check_vault(cloud)

    # Without quarantine a bad message is delivered again. Then the redrive policy moves it to the dead-letter queue.
    message = dead_letter(cloud, outputs["DeadLetterQueueUrl"], 180)
    assert message["Body"] == "[]"
    assert "MessageAttributes" not in message
    ((times,),) = cloud.query("SELECT times FROM rejected_logins WHERE reason = 'empty'")
    assert times > 1
    assert count(cloud) == 26

    # Deleting the stack keeps the database, and deletes everything else.
    cloud.client("kms").schedule_key_deletion(KeyId=vault["vaultKeyArn"], PendingWindowInDays=7)
    cloud.cdk("destroy", "--force")
    assert left_over(cloud) == {}
    assert count(cloud) == 26
