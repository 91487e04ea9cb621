"""The command line, run against the real local parts."""

import base64
import io
import json
import os
import secrets
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws import AwsEndpoint
from ops.cli import main
from ops.event_source import EventSource
from tests.conftest import Function, SaltParameter, Scratch

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Finished:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


@dataclass
class Queues:
    """A queue and its dead-letter queue, of one test's own."""

    aws: AwsEndpoint
    url: str
    dead_letter_url: str

    def put(self, body: str, *, dead: bool = False, **attributes: str) -> str:
        """Sends a message with text attributes; returns its messageId."""
        return self.aws.sqs.send_message(
            QueueUrl=self.dead_letter_url if dead else self.url,
            MessageBody=body,
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        )["MessageId"]

    def allow(self, *, receives: int) -> None:
        """Sets the redrive policy."""
        names: Any = ["QueueArn"]
        answer = self.aws.sqs.get_queue_attributes(QueueUrl=self.dead_letter_url, AttributeNames=names)
        policy = {"deadLetterTargetArn": answer["Attributes"]["QueueArn"], "maxReceiveCount": receives}
        self.aws.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"RedrivePolicy": json.dumps(policy)})

    def count(self, *, dead: bool = False) -> int:
        """How many messages there are, those in flight included."""
        url = self.dead_letter_url if dead else self.url
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(answer[name]) for name in names)

    def visible(self, *, dead: bool = False) -> int:
        """How many messages anybody could receive now."""
        url = self.dead_letter_url if dead else self.url
        name: Any = "ApproximateNumberOfMessages"
        return int(self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    def take(self, *, dead: bool = False) -> list[Any]:
        """Takes all visible messages out."""
        url = self.dead_letter_url if dead else self.url
        taken: list[Any] = []
        while messages := self.aws.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            taken += messages
            for message in messages:
                self.aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def deliver(self, function: Function) -> None:
        """Feeds the queue to the function until it is empty, as the event source mapping does."""
        source = EventSource(self.aws.sqs, self.url, function.invoke, poll_seconds=1)
        source.run(threading.Event(), until_empty=True)


@pytest.fixture
def queues(aws: AwsEndpoint) -> Iterator[Queues]:
    name = f"logins-{secrets.token_hex(6)}"
    dead_letter_url = aws.sqs.create_queue(
        QueueName=f"{name}-dlq", Attributes={"MessageRetentionPeriod": str(14 * 86_400)}
    )["QueueUrl"]
    url = aws.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "185"})["QueueUrl"]
    queues = Queues(aws, url, dead_letter_url)
    queues.allow(receives=3)
    yield queues
    for each in (url, dead_letter_url):
        aws.sqs.delete_queue(QueueUrl=each)


@dataclass
class CommandLine:
    """`loginpipe` with an environment of its own."""

    environment: dict[str, str]
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    default_user: str = field(default="postgres")

    def __call__(self, *words: str, answer: str = "", **environment: str) -> Finished:
        """Runs it in this process; `environment` overrides, an empty text unsets."""
        self.capture.readouterr()
        with self.monkeypatch.context() as patch:
            for name, value in (self.environment | environment).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", _Input(answer))
            code = main(words)
        captured = self.capture.readouterr()
        return Finished(code, captured.out, captured.err)

    def start(
        self, *words: str, program: tuple[str, ...] = ("-m", "ops"), **environment: str
    ) -> "subprocess.Popen[str]":
        """Runs it as a process of its own; `program` are Python's own arguments."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG"))}
        return subprocess.Popen(
            [sys.executable, *program, *words],
            cwd=ROOT,
            env=inherited | self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class _Input:
    """Standard input with an answer in it."""

    def __init__(self, text: str) -> None:
        self.buffer = io.BytesIO(text.encode())
        self._text = io.StringIO(text)

    def readline(self, size: int = -1) -> str:
        return self._text.readline(size)

    def read(self, size: int = -1) -> str:
        return self._text.read(size)

    def isatty(self) -> bool:
        return False


@dataclass
class VaultKey:
    """An asymmetric key in the emulator's KMS, made as docs/how-to/recover.md says."""

    kms: Any
    arn: str
    public: bytes

    @property
    def text(self) -> str:
        """Its public half, as VAULT_PUBLIC_KEY wants it."""
        return base64.b64encode(self.public).decode()


@pytest.fixture
def vault_key(aws: AwsEndpoint) -> VaultKey:
    return _vault_key(aws)


@cache
def _vault_key(aws: AwsEndpoint) -> VaultKey:
    variables = aws.environment
    kms = boto3.client(
        "kms",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )
    arn = kms.create_key(KeySpec="RSA_4096", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    return VaultKey(kms, arn, kms.get_public_key(KeyId=arn)["PublicKey"])


@pytest.fixture
def sealing_function(vault_key: VaultKey, monkeypatch: pytest.MonkeyPatch, function: Function) -> Function:
    """The function with the vault on."""
    monkeypatch.setenv("VAULT_PUBLIC_KEY", vault_key.text)
    return function


@pytest.fixture
def loginpipe(
    aws: AwsEndpoint,
    queues: Queues,
    database: Scratch,
    salt: SaltParameter,
    vault_key: VaultKey,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> CommandLine:
    """The command line with all it needs in the environment, as superuser of the database."""
    environment = (
        aws.environment
        | database.environment()
        | {
            "QUEUE_URL": queues.url,
            "DLQ_URL": queues.dead_letter_url,
            "SALT_PARAMETER": salt.name,
            "VAULT_KEY": vault_key.arn,
            "COLUMNS": "200",
            "LOGINPIPE_DIRECTORY": str(tmp_path / "local"),
        }
    )
    return CommandLine(environment, capsys, monkeypatch)


@pytest.fixture
def operators(database: Scratch) -> Any:
    """A connection for each role."""
    connections = {}
    for role in ("ingest", "analyst", "operator", "custodian"):
        password = uuid.uuid4().hex
        if role in database.passwords:
            password = database.passwords[role]
        else:
            database.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
            database.passwords[role] = password
        connections[role] = database.connect(role)
    yield connections
    for connection in connections.values():
        connection.close()
