"""The pipeline of a template, run once under its own permissions."""

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
    """The account, what was decided in it, and what was done."""

    account: Account
    journal: Journal
    runtime: Runtime
    provisioned: Any = None
    commands: tuple[Finished, ...] = ()


@pytest.fixture(scope="session")
def trusting_database(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """A database that lets in anybody from this machine, and its owner: the front before it does the asking."""
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
    """All functions of the stack with the vault on."""
    directory = tmp_path_factory.mktemp("played")
    account = load_account(_with_vault(synthesize("vault"), aws))
    with _fronts(account, aws, trusting_database, directory) as played:
        runtime = played.runtime
        provisioned = scenario.deploy(runtime)
        scenario.deliver(runtime, aws)
        commands = scenario.operate(runtime, directory)
        scenario.serve(account, played.journal)
        # A copy: what tests ask for later on is no need of the functions.
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
    """The one function that has permissions only where nothing is retained."""
    account = load_account(synthesize("throwaway").body)
    with _fronts(account, aws, trusting_database, tmp_path_factory.mktemp("removed")) as played:
        aws.ssm.put_parameter(Name=account.outputs["SaltParameter"], Value="any", Type="SecureString", Overwrite=True)
        scenario.remove(played.runtime)
        scenario.serve(account, played.journal)
        yield played


@contextmanager
def _fronts(account: Account, aws: AwsEndpoint, postgres: PostgresServer, directory: Path) -> Iterator[Played]:
    """The fronts before AWS and Postgres, and the queues that the template names."""
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
            "DAILY_PARTITIONS": "false",  # thousands of tables, and no other permission
        }
        for output in ("QueueUrl", "DeadLetterQueueUrl"):
            aws.sqs.create_queue(QueueName=account.outputs[output].rsplit("/", 1)[-1])
        yield Played(account, journal, runtime)


def _with_vault(template: Template, aws: AwsEndpoint) -> dict[str, Any]:
    """The template with a key of the emulator in place of the vault's, which is not made by the stack."""
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
