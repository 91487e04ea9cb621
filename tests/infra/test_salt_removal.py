"""The custom resource that deletes the salt with its stack. CloudFormation sends the address for the answer."""

import base64
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_src import salt_removal
from local.aws import AwsEndpoint

Answers = list[dict[str, Any]]
Ask = Callable[[str], None]


@pytest.fixture
def answers() -> Answers:
    """The answers that CloudFormation received."""
    return []


@pytest.fixture
def address(answers: Answers) -> Iterator[str]:
    """The one-time address for the answer, as CloudFormation sends it."""

    class CloudFormation(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert self.headers["content-type"] == "", "the address is signed without one"
            answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), CloudFormation)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer?signature=x"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def parameter(aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch) -> str:
    """The parameter of an existing salt."""
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    name = f"/test/{secrets.token_hex(8)}/salt"
    aws.ssm.put_parameter(Name=name, Value=base64.b64encode(bytes(32)).decode(), Type="SecureString")
    return name


@pytest.fixture
def ask(address: str, parameter: str) -> Ask:
    """Sends one request, as CloudFormation does."""

    def request(kind: str) -> None:
        event = {"RequestType": kind, "ResponseURL": address, "ResourceProperties": {"Parameter": parameter}}
        ids = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "SaltRemoval"}
        salt_removal.lambda_handler(event | ids, None)

    return request


def is_there(aws: AwsEndpoint, name: str) -> bool:
    return bool(aws.ssm.get_parameters(Names=[name])["Parameters"])


def answer(reason: str = "") -> dict[str, str]:
    return {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": reason,
        "PhysicalResourceId": "SaltRemoval",  # constant, so that another parameter does not replace it
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "SaltRemoval",
    }


def test_salt_goes_with_its_stack(ask: Ask, answers: Answers, aws: AwsEndpoint, parameter: str) -> None:
    ask("Delete")
    assert not is_there(aws, parameter)
    assert answers == [answer()]


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_salt_stays_with_its_stack(kind: str, ask: Ask, answers: Answers, aws: AwsEndpoint, parameter: str) -> None:
    ask(kind)
    assert is_there(aws, parameter)
    assert answers == [answer()]


def test_salt_that_is_gone_is_no_failure(ask: Ask, answers: Answers, aws: AwsEndpoint, parameter: str) -> None:
    aws.ssm.delete_parameter(Name=parameter)
    ask("Delete")
    assert answers == [answer()]


def test_salt_that_cannot_be_deleted_is_a_failure(
    ask: Ask, answers: Answers, parameter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ask("Delete")
    assert answers == [answer(f"SSM cannot be reached to delete {parameter} (EndpointConnectionError)")]


def test_salt_that_may_not_be_deleted_is_a_failure(
    ask: Ask, answers: Answers, aws: AwsEndpoint, parameter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        """An SSM client that refuses every call for lack of permission."""

        def delete_parameter(self, **_: str) -> None:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "DeleteParameter")

    monkeypatch.setattr("boto3.client", lambda *_, **__: Refusing())
    ask("Delete")
    assert is_there(aws, parameter)
    assert answers == [answer(f"SSM refuses to delete {parameter} (AccessDeniedException)")]
