"""Fixtures for tests of the command line, which runs against real local parts."""

import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambda_src.privileges import ROLES
from local.aws import AwsEndpoint
from local.vault import VaultKey, create_vault_key
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.lake_person import PERSON
from tests.ops.months import months_ago
from tests.ops.queues import Queues
from tests.ops.vault import DEVICE, IP
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record


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


@pytest.fixture(scope="session")
def vault_key(aws: AwsEndpoint) -> VaultKey:
    return create_vault_key(aws.kms)


@pytest.fixture
def sealing_function(vault_key: VaultKey, monkeypatch: pytest.MonkeyPatch, function: Function) -> Function:
    """The function, which also seals originals for the vault."""
    monkeypatch.setenv("VAULT_PUBLIC_KEY", vault_key.public)
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
    """The command line with a complete environment, as superuser of the database."""
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
    """An open connection for each role."""
    connections = {}
    for role in ROLES:
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


@pytest.fixture(params=["by month", "by day"])
def partitioned(request: pytest.FixtureRequest, database: Scratch) -> None:
    """The tests run with one table for each month, and with one table for each day."""
    if request.param == "by day":
        database.execute("SELECT split_login_months()")


@pytest.fixture
def old_month(function: Function, database: Scratch) -> str:
    """A past month without a partition. It has 230 logins, some with unusual texts."""
    name, sent = months_ago(3)
    texts = ["user\t1", "back\\slash", 'quote"', "new\nline", "ünï \u2028 💥", "\x7f"]
    records = [
        make_record(user_id=texts[n] if n < len(texts) else f"user {n}", sent=sent, device_id=f"d{n}")
        for n in range(230)
    ]
    assert function(*records) == []
    return name


@pytest.fixture
def sealed(sealing_function: Function, database: Scratch) -> str:
    """The pseudonym of an address that the vault holds."""
    assert sealing_function(make_record(user_id="one", ip=IP, device_id=DEVICE)) == []
    ((masked,),) = database.rows("masked_ip")
    return str(masked)


@pytest.fixture
def months_with_person(function: Function) -> list[str]:
    """This month and two earlier ones, with logins of PERSON and of others. One day has only PERSON's."""
    names = []
    for ago in (0, 2, 3):
        name, sent = months_ago(ago)
        names.append(name)
        assert function(*(make_record(user_id=user, sent=sent) for user in (PERSON, "anna", "ben"))) == []
    assert function(make_record(user_id=PERSON, sent=months_ago(3)[1] + 86_400_000)) == []
    return names
