"""The provision step of a deployment, with a real Postgres and SSM."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from lambda_src import provision
from lambda_src.errors import MigrationError, SaltError, SettingsError, SetupError
from lambda_src.salt import fetch_salt
from local.aws import AwsEndpoint
from local.postgres import PostgresServer
from tests.chaos.aws_front import AwsFront, Trouble

DATABASE = "provisioned"
RESET = "ALTER ROLE ingest PASSWORD NULL"


@pytest.fixture
def server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    administrate(postgres_server, f"CREATE DATABASE {DATABASE}")
    before = administrate(postgres_server, "SELECT rolpassword FROM pg_authid WHERE rolname = 'ingest'")
    yield postgres_server
    for (password,) in before:  # roles belong to the whole server, and other tests log in with this password
        administrate(postgres_server, f"ALTER ROLE ingest PASSWORD '{password}'" if password else RESET)
    administrate(postgres_server, f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
def parameter() -> str:
    return f"/test/{secrets.token_hex(8)}/salt"


@pytest.fixture
def environment(
    server: PostgresServer, aws: AwsEndpoint, parameter: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    variables = server.environment(DATABASE) | aws.environment
    variables |= {"SALT_PARAMETER": parameter, "INGEST_PASSWORD": secrets.token_urlsafe(24)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def test_limit_of_values_is_set(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a limit in the settings, the value stays, because the owner may have set it."""
    for given, limit in (("7", 7), ("", 7), ("9", 9)):
        monkeypatch.setenv("VALUES_PER_HOUR", given)
        provision.lambda_handler({}, None)
        with closing(connect(environment)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT per_hour FROM audit.value_limit")
            assert cursor.fetchall() == [(limit,)]


def administrate(server: PostgresServer, statement: str) -> list[tuple[Any, ...]]:
    with closing(connect(server.environment("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []


def connect(values: dict[str, str]) -> Any:
    return psycopg2.connect(
        host=values["PGHOST"],
        port=values["PGPORT"],
        dbname=values["PGDATABASE"],
        user=values["PGUSER"],
        password=values["PGPASSWORD"],
    )


def verifier(server: PostgresServer) -> str:
    ((password,),) = administrate(server, "SELECT rolpassword FROM pg_authid WHERE rolname = 'ingest'")
    return str(password)


def test_provision_makes_schema_log_in_and_salt(
    server: PostgresServer, environment: dict[str, str], aws: AwsEndpoint, parameter: str
) -> None:
    done = provision.lambda_handler({}, None)
    assert done["migrations"][0] == "0001_logins"
    assert (done["passwords_set"], done["salt_created"]) == (["ingest"], True)
    salt = aws.ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]
    assert salt["Type"] == "SecureString"
    assert len(base64.b64decode(salt["Value"], validate=True)) == 32
    ingest = server.environment(DATABASE, "ingest", environment["INGEST_PASSWORD"])
    with closing(connect(ingest)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('public.user_logins', 'INSERT')")
        assert cursor.fetchall() == [(True,)]


def test_provision_again_changes_nothing(
    server: PostgresServer, environment: dict[str, str], aws: AwsEndpoint, parameter: str
) -> None:
    provision.lambda_handler({}, None)
    before = verifier(server), aws.ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]
    assert provision.lambda_handler({}, None) == {"migrations": [], "passwords_set": [], "salt_created": False}
    assert (verifier(server), aws.ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]) == before


def test_provision_partitions_by_day(
    server: PostgresServer, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILY_PARTITIONS", "true")
    assert "split_login_months" in provision.lambda_handler({}, None)["migrations"]
    assert provision.lambda_handler({}, None)["migrations"] == []


def test_provision_follows_a_changed_password(
    server: PostgresServer, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    provision.lambda_handler({}, None)
    monkeypatch.setenv("INGEST_PASSWORD", "another one, for a change")
    assert provision.lambda_handler({}, None)["passwords_set"] == ["ingest"]
    connect(server.environment(DATABASE, "ingest", "another one, for a change")).close()


def test_provision_sends_the_password_hashed(server: PostgresServer, environment: dict[str, str]) -> None:
    provision.lambda_handler({}, None)
    administrate(server, "ALTER SYSTEM SET log_statement = 'all'")
    administrate(server, "SELECT pg_reload_conf()")
    try:
        administrate(server, RESET)
        assert provision.lambda_handler({}, None)["passwords_set"] == ["ingest"]
    finally:
        administrate(server, "ALTER SYSTEM RESET log_statement")
        administrate(server, "SELECT pg_reload_conf()")
    log = server.log_path.read_text(encoding="utf-8")
    assert "ALTER ROLE ingest PASSWORD 'SCRAM-SHA-256$" in log
    assert environment["INGEST_PASSWORD"] not in log


def test_provision_logs_no_secret(
    environment: dict[str, str], aws: AwsEndpoint, parameter: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "lambda_src"):
        provision.lambda_handler({}, None)
    salt = aws.ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]
    assert "provisioned" in caplog.text
    for secret in (salt, environment["INGEST_PASSWORD"], environment["PGPASSWORD"]):
        assert secret not in caplog.text + str([record.__dict__ for record in caplog.records])


def test_provision_keeps_a_salt_that_is_there(environment: dict[str, str], aws: AwsEndpoint, parameter: str) -> None:
    value = base64.b64encode(secrets.token_bytes(40)).decode()
    aws.ssm.put_parameter(Name=parameter, Value=value, Type="SecureString")
    assert provision.lambda_handler({}, None)["salt_created"] is False
    kept = aws.ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]
    assert (kept["Value"], kept["Version"]) == (value, 1)


def test_provision_fails_with_a_value_that_is_no_salt(
    environment: dict[str, str], aws: AwsEndpoint, parameter: str
) -> None:
    aws.ssm.put_parameter(Name=parameter, Value="canary, no salt", Type="SecureString")
    with pytest.raises(SaltError, match="salt rotate") as caught:
        provision.lambda_handler({}, None)
    assert parameter in str(caught.value)
    assert "canary" not in str(caught.value)
    kept = aws.ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]
    assert (kept["Value"], kept["Version"]) == ("canary, no salt", 1)


@pytest.mark.parametrize("exists", [True, False])
def test_provision_fails_with_a_salt_that_nobody_can_decrypt(
    environment: dict[str, str], aws: AwsEndpoint, parameter: str, monkeypatch: pytest.MonkeyPatch, *, exists: bool
) -> None:
    """An example is a parameter that exists, and is encrypted with the KMS key of another stack."""
    if exists:
        value = base64.b64encode(secrets.token_bytes(32)).decode()
        aws.ssm.put_parameter(Name=parameter, Value=value, Type="SecureString")
    front = AwsFront(aws.url)
    front.trouble = Trouble("GetParameter", status=400, code="AccessDeniedException")
    front.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
    with pytest.raises(SaltError, match="-c saltKeyArn=") as caught:
        provision.lambda_handler({}, None)
    front.stop()
    assert parameter in str(caught.value)
    assert "AccessDeniedException" in str(caught.value)
    assert front.trouble.met == 1


@pytest.mark.parametrize(
    "known",
    [
        "INSERT INTO user_logins VALUES (gen_random_uuid(), current_date, 1, 1, 'u', 'ios', 'a', 'b', NULL, '1')",
        "INSERT INTO pseudonym_links (old, new, old_version, new_version) VALUES ('a', 'b', 1, 2)",
        "INSERT INTO salt_versions (version, fingerprint) VALUES (1, 'of a key that is gone')",
    ],
    ids=["rows", "links", "fingerprints"],
)
def test_provision_makes_no_second_key_of_a_version_that_logins_have(
    server: PostgresServer, environment: dict[str, str], aws: AwsEndpoint, parameter: str, known: str
) -> None:
    provision.lambda_handler({}, None)
    with closing(connect(server.environment(DATABASE))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(known)
    aws.ssm.delete_parameter(Name=parameter)
    with pytest.raises(SaltError, match="salt create"):
        provision.lambda_handler({}, None)
    with pytest.raises(aws.ssm.exceptions.ParameterNotFound):
        aws.ssm.get_parameter(Name=parameter)


def test_provision_fails_with_a_version_that_had_another_key(
    server: PostgresServer, environment: dict[str, str], parameter: str
) -> None:
    provision.lambda_handler({}, None)
    salt = fetch_salt(parameter, "us-east-1")
    with closing(connect(server.environment(DATABASE))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO salt_versions (version, fingerprint) VALUES (1, %s)", (salt.fingerprint,))
    assert provision.lambda_handler({}, None)["salt_created"] is False
    with closing(connect(server.environment(DATABASE))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE salt_versions SET fingerprint = 'of another key'")
    with pytest.raises(SaltError, match="salt rotate"):
        provision.lambda_handler({}, None)


def test_provision_with_a_wrong_password_makes_no_salt(
    environment: dict[str, str], aws: AwsEndpoint, parameter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "wrong")
    with pytest.raises(SetupError):
        provision.lambda_handler({}, None)
    with pytest.raises(aws.ssm.exceptions.ParameterNotFound):
        aws.ssm.get_parameter(Name=parameter)


def test_provision_without_ssm_says_what_to_look_at(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(SaltError, match="endpoint"):
        provision.lambda_handler({}, None)


def test_provision_of_a_schema_made_by_hand_fails(
    server: PostgresServer, environment: dict[str, str], aws: AwsEndpoint, parameter: str
) -> None:
    with closing(connect(server.environment(DATABASE))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE user_logins (id integer)")
    with pytest.raises(MigrationError, match="0001_logins"):
        provision.lambda_handler({}, None)


def test_provision_names_each_setting_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SALT_PARAMETER", "PGHOST", "PGDATABASE", "PGUSER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError) as caught:
        provision.lambda_handler({}, None)
    assert all(name in str(caught.value) for name in ("SALT_PARAMETER", "PGHOST", "PGDATABASE", "PGUSER"))
