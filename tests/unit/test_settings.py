"""The environment: what is read, what is refused, and that no password shows."""

from pathlib import Path

import pytest

from lambda_src.connection import connection_arguments
from lambda_src.errors import SettingsError, SetupError
from lambda_src.settings import DatabaseSettings, load_database_settings, load_provision_settings, load_settings

PASSWORD = "correct horse battery"
COMPLETE = {
    "SALT_PARAMETER": "/login/salt",
    "PGHOST": "db.example.com",
    "PGDATABASE": "logins",
    "PGUSER": "ingest",
    "PGPASSWORD": PASSWORD,
}
REQUIRED = [name for name in COMPLETE if name != "PGPASSWORD"]
IAM = {"DB_IAM_AUTH": "true", "PGSSLMODE": "verify-full", "AWS_REGION": "eu-central-1"}


def database_of(**variables: str) -> DatabaseSettings:
    """The database's part of a complete environment with `variables` on top."""
    return load_settings(COMPLETE | variables).database


def refusal_of(variables: dict[str, str]) -> str:
    """The message with which `variables` are refused."""
    with pytest.raises(SettingsError) as caught:
        load_settings(variables)
    return str(caught.value)


def test_complete_environment() -> None:
    settings = load_settings(COMPLETE | {"AWS_REGION": "eu-central-1"})
    assert (settings.salt_parameter, settings.region) == ("/login/salt", "eu-central-1")
    assert settings.database == DatabaseSettings(
        host="db.example.com",
        port=5432,
        name="logins",
        user="ingest",
        password=PASSWORD,
        ssl_mode="prefer",
        ssl_root_cert=None,
        iam_auth=False,
        region="eu-central-1",
    )


@pytest.mark.parametrize("value", [None, "", "  "], ids=["missing", "empty", "blank"])
@pytest.mark.parametrize("name", REQUIRED)
def test_required_variable_without_value(name: str, value: str | None) -> None:
    variables = {key: text for key, text in COMPLETE.items() if key != name} | ({} if value is None else {name: value})
    message = refusal_of(variables)
    assert name in message
    assert not [other for other in REQUIRED if other != name and other in message]


def test_one_error_names_all_that_is_wrong() -> None:
    message = refusal_of({"PGPASSWORD": PASSWORD, "PGPORT": "x", "PGSSLMODE": "x", "DB_IAM_AUTH": "x"})
    assert [name for name in [*REQUIRED, "PGPORT", "PGSSLMODE", "DB_IAM_AUTH"] if name not in message] == []
    assert PASSWORD not in message


@pytest.mark.parametrize("port", ["1", "65535", " 5433 "])
def test_port(port: str) -> None:
    assert database_of(PGPORT=port).port == int(port)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "5432.0", "x", "٥٤٣٢", "5_432"])
def test_port_that_is_none(port: str) -> None:
    assert "PGPORT" in refusal_of(COMPLETE | {"PGPORT": port})


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
def test_ssl_mode(mode: str) -> None:
    assert database_of(PGSSLMODE=mode).ssl_mode == mode


@pytest.mark.parametrize("mode", ["Require", "on", "true"])
def test_ssl_mode_that_is_none(mode: str) -> None:
    assert "PGSSLMODE" in refusal_of(COMPLETE | {"PGSSLMODE": mode})


def test_root_certificate(tmp_path: Path) -> None:
    path = tmp_path / "root.pem"
    path.touch()
    assert database_of(PGSSLROOTCERT=str(path)).ssl_root_cert == str(path)
    assert database_of(PGSSLROOTCERT="system").ssl_root_cert == "system"
    assert "PGSSLROOTCERT" in refusal_of(COMPLETE | {"PGSSLROOTCERT": str(tmp_path / "none.pem")})


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", None])
def test_iam_log_in_without_encryption(mode: str | None) -> None:
    variables = COMPLETE | {"DB_IAM_AUTH": "true"} | ({} if mode is None else {"PGSSLMODE": mode})
    message = refusal_of(variables)
    assert "DB_IAM_AUTH" in message
    assert "PGSSLMODE" in message


@pytest.mark.parametrize("choice", ["True", "1", "yes"])
def test_iam_log_in_by_another_word(choice: str) -> None:
    assert "DB_IAM_AUTH" in refusal_of(COMPLETE | IAM | {"DB_IAM_AUTH": choice})


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, None),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-central-1"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "us-east-1"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "eu-central-1"}, "eu-central-1"),
    ],
)
def test_region(variables: dict[str, str], region: str | None) -> None:
    settings = load_settings(COMPLETE | variables)
    assert (settings.region, settings.database.region) == (region, region)


def test_password_is_taken_as_it_is() -> None:
    assert database_of(PGPASSWORD=" two spaces ").password == " two spaces "


def test_password_never_shows() -> None:
    settings = load_settings(COMPLETE)
    assert PASSWORD not in repr(settings) + str(settings.database)


def test_database_settings_need_no_salt() -> None:
    variables = {name: text for name, text in COMPLETE.items() if name != "SALT_PARAMETER"}
    assert load_database_settings(variables) == load_settings(COMPLETE).database


def test_settings_of_the_provision_function() -> None:
    settings = load_provision_settings(COMPLETE)
    assert (settings.salt_parameter, settings.salt_key) == ("/login/salt", "alias/aws/ssm")
    assert (settings.passwords, settings.daily_partitions, settings.region) == ({}, False, None)
    assert settings.values_per_hour is None
    assert load_provision_settings(COMPLETE | {"VALUES_PER_HOUR": "9"}).values_per_hour == 9
    assert settings.database == load_settings(COMPLETE).database
    passwords = {"INGEST_PASSWORD": "a", "READER_PASSWORD": "r", "CUSTODIAN_PASSWORD": "c", "ANALYST_PASSWORD": "d"}
    own = {"SALT_KEY": "alias/own", "DAILY_PARTITIONS": "true", "AWS_REGION": "eu-central-1"}
    settings = load_provision_settings(COMPLETE | passwords | own)
    assert settings.passwords == {"ingest": "a", "reader": "r", "custodian": "c"}
    assert load_provision_settings(COMPLETE | {"READER_PASSWORD": ""}).passwords == {}
    assert (settings.salt_key, settings.daily_partitions, settings.region) == ("alias/own", True, "eu-central-1")
    with pytest.raises(
        SettingsError, match=r"missing: the name of the SSM parameter with the salt\. DAILY_PARTITIONS must"
    ):
        load_provision_settings(COMPLETE | {"SALT_PARAMETER": "", "DAILY_PARTITIONS": "yes"})


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "2147483648"])
def test_limit_that_is_no_number_above_0(text: str) -> None:
    with pytest.raises(SettingsError, match="VALUES_PER_HOUR must be a whole number above 0"):
        load_provision_settings(COMPLETE | {"VALUES_PER_HOUR": text})


def test_connection_has_password_and_limits() -> None:
    arguments = connection_arguments(database_of(PGPORT="5433"))
    assert arguments["password"] == PASSWORD
    assert (arguments["host"], arguments["port"], arguments["dbname"]) == ("db.example.com", 5433, "logins")
    assert arguments["keepalives"] == 1
    # A peer that disappears is noticed within 15 s, whether the function connects, waits or sends.
    assert 2 <= arguments["connect_timeout"] <= 5
    probes = arguments["keepalives_interval"] * arguments["keepalives_count"]
    assert arguments["keepalives_idle"] + probes <= 15
    assert arguments["tcp_user_timeout"] == 15_000  # milliseconds


def test_connection_with_an_iam_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
    token = connection_arguments(database_of(**IAM))["password"]
    assert token.startswith("db.example.com:5432/?Action=connect&DBUser=ingest&")
    assert "X-Amz-Signature=" in token
    assert "eu-central-1" in token
    assert PASSWORD not in token


def test_no_iam_token_without_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(SetupError, match="region"):
        connection_arguments(database_of(DB_IAM_AUTH="true", PGSSLMODE="require"))
