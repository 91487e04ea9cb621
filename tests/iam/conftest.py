"""Fixtures that run the pipeline of a template once, under the permissions of the template."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest

from local.aws import AwsEndpoint
from local.postgres import PostgresServer
from tests.iam import scenario
from tests.iam.account import Account
from tests.iam.database_front import DatabaseFront
from tests.iam.front import IamFront
from tests.iam.journal import Journal
from tests.iam.loading import load_account
from tests.iam.runtime import Finished, Runtime, access_keys
from tests.infra.conftest import VARIANTS, Template, synthesize
from tests.security.certificates import Authority

__all__ = ["synthesize"]
DATABASE, OWNER = "least_privilege", "pipeline_owner"


@dataclass(frozen=True)
class Played:
    """A run: the account, the decisions, and the results."""

    account: Account
    journal: Journal
    runtime: Runtime
    provisioned: Any = None
    commands: tuple[Finished, ...] = ()


@pytest.fixture(scope="session")
def trusting_database(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """A database that accepts every user from this machine; the server in front of it checks the tokens."""
    path = postgres_server.data / "pg_hba.conf"
    before = path.read_text(encoding="utf-8")
    path.write_text(f"host {DATABASE} all 127.0.0.1/32 trust\n{before}", encoding="utf-8")
    for statement in (
        "SELECT pg_reload_conf()",
        f"CREATE ROLE {OWNER} SUPERUSER LOGIN",
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
    ):
        _administrate(postgres_server, statement)
    yield postgres_server
    path.write_text(before, encoding="utf-8")
    for statement in (f"DROP DATABASE {DATABASE} WITH (FORCE)", f"DROP ROLE {OWNER}", "SELECT pg_reload_conf()"):
        _administrate(postgres_server, statement)


@pytest.fixture(scope="session")
def played(
    synthesize: Callable[[str], Template],
    aws: AwsEndpoint,
    trusting_database: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Played]:
    """A run of all functions of the stack with the vault."""
    directory = tmp_path_factory.mktemp("played")
    account = load_account(_with_vault(synthesize("vault"), aws))
    with _fronts(account, aws, trusting_database, directory) as played:
        runtime = played.runtime
        provisioned = scenario.deploy(runtime)
        scenario.deliver(runtime, aws)
        commands = scenario.operate(runtime, directory)
        scenario.serve(account, played.journal)
        # The journal is a copy, because later requests of tests are not needs of the functions.
        yield replace(
            played,
            journal=Journal(list(played.journal.entries)),
            provisioned=provisioned,
            commands=tuple(commands),
        )


@pytest.fixture(scope="session")
def removed(
    synthesize: Callable[[str], Template],
    aws: AwsEndpoint,
    trusting_database: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Played]:
    """A run of the function that removes the salt; only a throwaway stack gives it permissions."""
    account = load_account(synthesize("throwaway").body)
    with _fronts(account, aws, trusting_database, tmp_path_factory.mktemp("removed")) as played:
        aws.ssm.put_parameter(Name=account.outputs["SaltParameter"], Value="any", Type="SecureString", Overwrite=True)
        scenario.remove(played.runtime)
        scenario.serve(account, played.journal)
        yield played


@contextmanager
def _fronts(account: Account, aws: AwsEndpoint, postgres: PostgresServer, directory: Path) -> Iterator[Played]:
    """Starts the servers in front of AWS and Postgres, and creates the queues of the template."""
    journal, callers = Journal(), access_keys(account)
    authority = Authority(directory, "authority")
    with ExitStack() as stack:
        runtime = Runtime(account, stack.enter_context(pytest.MonkeyPatch.context()))
        database = DatabaseFront(postgres.port, authority.issue("localhost"), account, callers, journal)
        runtime.front = stack.enter_context(database)
        runtime.url = stack.enter_context(IamFront(aws.url, account, callers, journal, runtime.invoke)).url
        runtime.database = {
            "PGHOST": "localhost",
            "PGPORT": str(database.port),
            "PGDATABASE": DATABASE,
            "PGSSLROOTCERT": str(authority.certificate),
            "DAILY_PARTITIONS": "false",  # they would make thousands of tables, and need no other permission
        }
        for output in ("QueueUrl", "DeadLetterQueueUrl"):
            aws.sqs.create_queue(QueueName=account.outputs[output].rsplit("/", 1)[-1])
        yield Played(account, journal, runtime)


def _with_vault(template: Template, aws: AwsEndpoint) -> dict[str, Any]:
    """Returns the template with a key of the emulator as the vault's key, which the stack does not create."""
    variables = aws.environment
    kms: Any = boto3.Session(
        variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], region_name=variables["AWS_REGION"]
    ).client("kms", endpoint_url=aws.url)
    with closing(kms):
        key = kms.create_key(KeySpec="RSA_4096", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
        public = base64.b64encode(kms.get_public_key(KeyId=key)["PublicKey"]).decode()
    text = template.path.read_text(encoding="utf-8")
    given = VARIANTS["vault"]
    body: dict[str, Any] = json.loads(text.replace(given["vaultKeyArn"], key).replace(given["vaultPublicKey"], public))
    return body


def _administrate(server: PostgresServer, statement: str) -> None:
    values = server.environment("postgres")
    with closing(
        psycopg2.connect(
            host=values["PGHOST"],
            port=values["PGPORT"],
            dbname=values["PGDATABASE"],
            user=values["PGUSER"],
            password=values["PGPASSWORD"],
        )
    ) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
