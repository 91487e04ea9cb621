"""The operator functions in an emulated Lambda: every command that needs the database, with its role's privileges."""

import io
import json
import secrets
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws import AwsEndpoint
from local.vault import VaultKey, create_vault_key
from ops import operator
from ops.errors import OpsError, UsageError
from ops.operations.registry import OPERATIONS
from ops.places import place
from tests.function import Function, function_environment
from tests.ops.command_line import CommandLine
from tests.ops.queues import Queues
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import ROOT, Context, make_body, make_record

SERVICES = "sqs,ssm,kms,sts,s3,lambda,cloudformation,iam,logs"
WHY = ("--reason", "drill")


class Cloud:
    """An emulated account with Lambda and CloudFormation."""

    def __init__(self, endpoint: AwsEndpoint) -> None:
        self.endpoint = endpoint

    def client(self, service: str) -> Any:
        """A client of any service."""
        variables = self.endpoint.environment
        session: Any = boto3.Session(
            variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], region_name=variables["AWS_REGION"]
        )
        return session.client(service, endpoint_url=self.endpoint.url)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    endpoint = AwsEndpoint(tmp_path_factory.mktemp("cloud"), SERVICES).start()
    yield Cloud(endpoint)
    endpoint.stop()


@pytest.fixture
def aws(cloud: Cloud) -> AwsEndpoint:
    """All of a test's parts lie in the same account."""
    return cloud.endpoint


@pytest.fixture(scope="session")
def vault_key(cloud: Cloud) -> VaultKey:
    return create_vault_key(cloud.endpoint.kms)


@pytest.fixture(scope="session")
def package() -> bytes:
    """The code as it is deployed; its requirements are those of the emulator's Python."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted((*ROOT.glob("lambda_src/**/*"), *ROOT.glob("ops/**/*"))):
            if path.suffix in (".py", ".sql"):
                file.write(path, path.relative_to(ROOT))
    return buffer.getvalue()


@pytest.fixture
def stack(
    cloud: Cloud,
    package: bytes,
    loginpipe: CommandLine,
    database: Scratch,
    salt: SaltParameter,
    queues: Queues,
    operators: Any,
    vault_key: VaultKey,
) -> str:
    """A stack whose outputs name the parts, with all functions; the command line is left without a database."""
    name = f"stack-{secrets.token_hex(6)}"
    outputs = {
        "QueueUrl": queues.url,
        "DeadLetterQueueUrl": queues.dead_letter_url,
        "SaltParameter": salt.name,
        "VaultKeyArn": vault_key.arn,
    }
    for role in OPERATIONS:
        variables = function_environment(database, salt) | database.environment(role) | {"OPERATIONS": role}
        cloud.client("lambda").create_function(
            FunctionName=f"{name}-{role}",
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="ops.operator.lambda_handler",
            Code={"ZipFile": package},
            Timeout=60,
            Environment={"Variables": variables},
        )
        outputs[f"{role.capitalize()}FunctionName"] = f"{name}-{role}"
    template = {
        "Resources": {"Any": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    cloud.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))
    for variable in ("QUEUE_URL", "DLQ_URL", "SALT_PARAMETER", "VAULT_KEY"):
        loginpipe.environment[variable] = ""
    for variable in [name for name in loginpipe.environment if name.startswith("PG")]:
        loginpipe.environment[variable] = ""
    return name


@pytest.fixture
def remote(stack: str, loginpipe: CommandLine) -> Any:
    """The command line on that stack."""
    return lambda *words, **more: loginpipe("--stack", stack, "--json", *words, **more)


def test_all_commands(
    remote: Any, sealing_function: Function, queues: Queues, database: Scratch, tmp_path: Path
) -> None:
    """One after the other, each in the function and with the role whose work it is."""
    now = int(time.time() * 1000)
    old = now - 100 * 86_400_000
    month = time.strftime("%Y-%m", time.gmtime(old / 1000))
    records = [make_record(user_id=f"u{n}", sent=now, ip="10.1.1.1", device_id=f"d{n}") for n in range(3)]
    assert sealing_function(*records, make_record(user_id="old", sent=old, ip="10.1.1.2", device_id="old")) == []
    bad = make_record(sent=now, ip="bad")
    sealing_function(bad)
    queues.put(json.dumps(make_body(ip="bad")), dead=True, event_id=bad["messageId"])

    seen = remote("top", "--once").data
    assert (seen["queue"]["dead_letters"], seen["database"]["rejects"]) == (1, [{"reason": "invalid_ip", "events": 1}])
    assert [row["reason"] for row in remote("dlq", "list").data] == ["invalid_ip"]
    assert remote("report").data["shared_ips"]["count"] == 1
    masked = remote("mask", "ip", "10.1.1.1", *WHY).data["pseudonym"]
    found = remote("lookup", "--ip", "10.1.1.1", *WHY).data
    assert (found["total"], found["users"]) == (3, 3)
    assert [row["logins"] for row in remote("salt", "status").data] == [4]
    assert remote("recover", "--ip", masked, *WHY, "--basis", "consent").data["original"] == "10.1.1.1"
    assert remote("salt", "rotate", "--yes").data == {"version": 2}
    assert remote("salt", "link", "1", "2", "--reason", "drill", "--yes").data == {"originals": 6, "linked": 6}
    archive = ("archive", "--month", month, str(tmp_path))
    assert remote(*archive, "--drop", "--yes").data["logins"] == 1
    assert remote(*archive, "--restore").data["written"] == 1
    assert remote("forget", "--user-id", "u1", "--reason", "drill", "--yes").data["logins"] == 1
    assert remote("retention", "--months", "2", "--yes").data["dropped"][-1]["logins"] == 1
    entries = remote("audit").data
    assert [(entry["action"], entry["role"]) for entry in entries] == [
        ("retention", "remover"), ("erase", "remover"), ("forget", "remover"), ("restore", "remover"),
        ("archive", "remover"), ("export", "remover"), ("link", "linker"), ("salt", "reader"), ("mask", "masker"),
        ("recover", "custodian"), ("lookup", "masker"), ("mask", "masker"),
    ]  # fmt: skip
    ((head,),) = database.query("SELECT id || ':' || encode(hash, 'hex') FROM audit.entries ORDER BY id DESC LIMIT 1")
    assert remote("audit", "verify", "--head", head).data["faults"] == []
    assert all(entry["request_id"] for entry in entries)
    assert {entry["actor"] for entry in entries} == {"arn:aws:iam::000000000000:root"}
    assert database.rows() == [("u0",), ("u2",)]


def test_doctor(remote: Any) -> None:
    found = {finding["check"]: finding["status"] for finding in remote("doctor").data}
    assert {check for check, status in found.items() if status != "ok"} == {"function"}


def test_environment_database_is_left_alone(remote: Any, database: Scratch) -> None:
    """With --stack, PG* of the shell must not be taken for the stack's database."""
    other = database.environment() | {"PGDATABASE": "postgres"}
    assert remote("report", **other).code == 0


def test_error_of_the_function(remote: Any) -> None:
    finished = remote("lookup", "--ip", "10.1.1.1", *WHY)
    assert finished.code == 4
    finished = remote("mask", "ip", "canary", *WHY)
    assert "This is not an IPv4 or IPv6 address" in finished.err
    assert "canary" not in finished.err
    assert finished.code != 0  # 2 where Lambda names the exception's type, as the emulator does not


def test_function_does_no_work_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may invoke one of them cannot have it do what another one does."""
    for role in OPERATIONS:
        monkeypatch.setenv("OPERATIONS", role)
        others = [name for other, names in OPERATIONS.items() if other != role for name in names]
        for operation in (*others, "no such"):
            event = {"operation": operation, "arguments": {}}
            with pytest.raises(UsageError, match="does not run the operation"):
                operator.lambda_handler(event, Context(30))


def test_limit_of_the_function_is_told(remote: Any, database: Scratch) -> None:
    database.execute("UPDATE audit.value_limit SET per_hour = 1")
    assert remote("mask", "ip", "10.1.1.1", *WHY).code == 0
    finished = remote("lookup", "--ip", "10.1.1.1", *WHY)
    assert (finished.code, "The next one is allowed at" in finished.err) == (1, True)


def test_linking_that_is_off(cloud: Cloud, loginpipe: CommandLine, stack: str, salt: SaltParameter) -> None:
    """A stack without the function does not link, and says how to have it."""
    salt.rotate()
    template = cloud.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
    del template["Outputs"]["LinkerFunctionName"]
    template["Resources"]["Any"]["Properties"]["QueueName"] += "-off"
    cloud.client("cloudformation").create_stack(StackName=f"{stack}-off", TemplateBody=json.dumps(template))
    finished = loginpipe("--stack", f"{stack}-off", "salt", "link", "1", "2", *WHY, "--yes")
    assert (finished.code, "-c linking" in finished.err) == (2, True)


def test_scheduled_retention(cloud: Cloud, stack: str, database: Scratch, function: Function) -> None:
    """What the schedule sends names nobody: the audit entry says so."""
    assert function(make_record(sent=int((time.time() - 200 * 86_400) * 1000))) == []
    arguments = {"months": 3, "ahead": 12, "reason": "schedule", "dry_run": False}
    payload = json.dumps({"operation": "retention", "arguments": arguments}).encode()
    answer = cloud.client("lambda").invoke(FunctionName=f"{stack}-remover", Payload=payload)
    assert json.loads(answer["Payload"].read())["dropped"][-1]["logins"] == 1
    assert database.query("SELECT actor, action FROM audit.entries") == [("schedule", "retention")]


def test_not_our_stack(cloud: Cloud, loginpipe: CommandLine) -> None:
    name = f"other-{secrets.token_hex(6)}"
    template = {"Resources": {"Any": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}}}
    cloud.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))
    finished = loginpipe("--stack", name, "report")
    assert (finished.code, "none of the pipeline's outputs" in finished.err) == (1, True)
    for command in ("report", "doctor"):
        finished = loginpipe("--stack", name[:-1], command)
        assert (finished.code, finished.out) == (2, "")
        assert finished.err == f"loginpipe: There is no stack {name[:-1]} here. Did you mean {name}?\n"


def test_archive_in_a_bucket(
    cloud: Cloud, loginpipe: CommandLine, function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With versions, which an erasure deletes too."""
    bucket, s3 = f"archives-{secrets.token_hex(6)}", cloud.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = int((time.time() - 100 * 86_400) * 1000)
    day = time.strftime("%Y-%m-%d", time.gmtime(old / 1000))
    assert function(make_record(user_id="gone", sent=old), make_record(user_id="stays", sent=old)) == []
    target = f"s3://{bucket}/logins"
    words = ("archive", "--month", day[:7], f"{target}/")
    archive = loginpipe("--json", *words, "--drop", "--yes").data["archive"]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys[0] == f"logins/_manifests/month={day[:7]}/{archive}.000001.json"
    assert keys[1].startswith(f"logins/month={day[:7]}/day={day[8:]}/{archive}.")
    assert (len(keys), database.count()) == (2, 0)
    asked = ("query", "select user_id from user_logins order by 1", "--csv", "--archives", target)
    assert loginpipe(*asked).out.split() == ["user_id", "gone", "stays"]
    forgotten = loginpipe("--json", "forget", "--user-id", "gone", "--reason", "why", "--yes").data
    assert [(lake["target"], lake["logins"], lake["errors"]) for lake in forgotten["lakes"]] == [(target, 1, [])]
    left = [version["Key"] for version in s3.list_object_versions(Bucket=bucket)["Versions"]]
    assert left[0] == f"logins/_manifests/month={day[:7]}/{archive}.000002.json"
    assert (len(left), set(left) & set(keys)) == (2, set())
    assert loginpipe("--json", *words, "--restore").data["written"] == 1
    assert loginpipe("archive", "--month", "2001-01", target, "--restore").code == 4


def test_object_is_never_replaced(cloud: Cloud, loginpipe: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = f"archives-{secrets.token_hex(6)}"
    cloud.client("s3").create_bucket(Bucket=bucket)
    for name, value in loginpipe.environment.items():
        monkeypatch.setenv(name, value)
    where = place(f"s3://{bucket}/logins")
    for _ in range(2):  # the second one as the SDK repeats a call whose answer was lost
        where.create("a/b", b"first")
    with pytest.raises(OpsError, match="never overwritten"):
        where.create("a/b", b"second")
    assert (where.read("a/b"), where.paths("a"), where.paths("b")) == (b"first", ["a/b"], [])
