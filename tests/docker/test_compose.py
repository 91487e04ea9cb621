"""compose.yaml: both servers keep or lose what they hold together, and the worker beside them takes messages."""

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.docker.conftest import Project
from tests.docker.engine import docker
from tests.e2e.conftest import wait_until
from tests.support import make_body

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

MARK = "/test/mark"
WELL = ("localstack", "postgres")


def ssm(project: Project) -> "SSMClient":
    return boto3.client("ssm", **client_options(project))


def client_options(project: Project) -> Any:
    return {
        "endpoint_url": project.endpoint,
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }


def leave_marks(project: Project) -> None:
    ssm(project).put_parameter(Name=MARK, Value="here", Type="SecureString", Overwrite=True)
    project.query("CREATE TABLE IF NOT EXISTS mark ()")


def find_marks(project: Project) -> tuple[bool, bool]:
    """Whether LocalStack and whether Postgres still have what was left there."""
    found = ssm(project).get_parameters(Names=[MARK], WithDecryption=True)["Parameters"]
    return bool(found), project.query("SELECT to_regclass('mark') IS NOT NULL") == "t"


def test_servers_listen_where_the_variables_say_and_only_for_this_machine(project: Project) -> None:
    for service, port, variable in (("localstack", 4566, "LOCALSTACK_PORT"), ("postgres", 5432, "POSTGRES_PORT")):
        assert project.compose("port", service, str(port)) == f"127.0.0.1:{project.variables[variable]}"


@pytest.mark.parametrize("words", [("restart",), ("restart", "localstack"), ("stop",), ("kill", "localstack")], ids=str)
def test_restart_clears_both(project: Project, words: tuple[str, ...]) -> None:
    leave_marks(project)
    assert find_marks(project) == (True, True)
    project.compose(*words)
    if words[0] == "kill":
        wait_until(lambda: project.compose("ps", "--status", "running", "--services") == "")
    project.compose("up", "--detach", "--wait")
    assert find_marks(project) == (False, False)


def test_second_start_keeps_both(project: Project) -> None:
    leave_marks(project)
    project.compose("up", "--detach", "--wait")
    assert find_marks(project) == (True, True)


def test_worker_takes_messages_and_stops_in_time(project: Project) -> None:
    project.compose("--profile", "worker", "up", "--build", "--detach", "--wait")
    sqs: SQSClient = boto3.client("sqs", **client_options(project))
    url = sqs.get_queue_url(QueueName="logins")["QueueUrl"]
    for number in range(4):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(make_body(user_id=f"user {number}")))
    wait_until(lambda: project.query("SELECT count(*) FROM user_logins") == "4")
    found = project.compose("--profile", "worker", "exec", "-T", "worker", "loginpipe", "--json", "doctor", "--help")
    assert "Check the set-up" in found
    project.compose("--profile", "worker", "stop", "worker")
    container = project.compose("--profile", "worker", "ps", "--all", "--quiet", "worker")
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip() == "0"
