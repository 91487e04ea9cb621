"""Reads and checks the environment once. No other module reads it."""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lambda_src.envelopes import OPENERS
from lambda_src.errors import SettingsError
from lambda_src.powertools_variables import clean_variables

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
EMULATED_REGION = "us-east-1"  # an emulator accepts any region

_PEM_LINE = re.compile(r"-----(BEGIN|END) PUBLIC KEY-----")

# Powertools reads POWERTOOLS_* and LOG_LEVEL by itself, some of them while it is imported, and raises on a bad value.
# Here they are checked before that, so that one error names all bad variables.
_POWERTOOLS_PROBLEMS = clean_variables(os.environ)
# Powertools has no useful default for these two.
SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "login-pipeline")
NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "LoginPipeline")


@dataclass(frozen=True)
class DatabaseSettings:
    """How to reach Postgres, from libpq's variables."""

    host: str
    port: int
    name: str
    user: str
    password: str | None = field(repr=False)
    ssl_mode: str
    ssl_root_cert: str | None
    iam_auth: bool
    region: str | None


@dataclass(frozen=True)
class Settings:
    """The settings of the function."""

    salt_parameter: str
    dlq_url: str | None
    envelope: str | None  # a key of envelopes.OPENERS
    vault_public_key: bytes | None
    region: str | None
    database: DatabaseSettings


@dataclass(frozen=True)
class ProvisionSettings:
    """The settings of the provision function; `database` logs in as the owner of the tables."""

    salt_parameter: str
    salt_key: str
    region: str | None
    database: DatabaseSettings
    passwords: Mapping[str, str] = field(repr=False)  # of the roles that log in by password
    daily_partitions: bool
    values_per_hour: int | None  # that may be masked or looked up; None: what the database says stays


class _Environment:
    """Reads variables and collects what is wrong with them, so that one error names every fault."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.problems: list[str] = []

    def required(self, name: str, meaning: str) -> str:
        value = self.optional(name)
        if value is None:
            self.problems.append(f"{name} is missing: {meaning}")
        return value or ""

    def optional(self, name: str) -> str | None:
        return self._variables.get(name, "").strip() or None

    def verbatim(self, name: str) -> str | None:
        return self._variables.get(name) or None

    def one_of(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.optional(name) or default
        if value not in choices:
            self.problems.append(f"{name} must be one of {', '.join(choices)}")
        return value

    def port(self, name: str, default: int) -> int:
        text = self.optional(name) or str(default)
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
            self.problems.append(f"{name} must be a port number from 1 to 65535")
            return default
        return int(text)

    def count(self, name: str) -> int | None:
        text = self.optional(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**31):
            self.problems.append(f"{name} must be a whole number above 0")
            return None
        return int(text)

    def public_key(self, name: str) -> bytes | None:
        text = self.optional(name)
        if text is None:
            return None
        try:
            return base64.b64decode("".join(_PEM_LINE.sub("", text).split()), validate=True)
        except (binascii.Error, ValueError):
            self.problems.append(f"{name} must be a public key as base64 of DER, or as PEM")
            return None

    def check(self) -> None:
        if self.problems:
            raise SettingsError("The environment cannot be used. " + ". ".join(self.problems) + ".")


def load_settings(variables: Mapping[str, str] = os.environ) -> Settings:
    """Reads the function's settings; raises SettingsError, which names every missing or malformed variable."""
    environment = _Environment(variables)
    settings = Settings(
        salt_parameter=environment.required("SALT_PARAMETER", "the name of the SSM parameter with the salt"),
        dlq_url=environment.optional("DLQ_URL"),
        envelope=_envelope(environment),
        vault_public_key=environment.public_key("VAULT_PUBLIC_KEY"),
        region=_region(environment),
        database=_database_settings(environment),
    )
    environment.problems += [*_POWERTOOLS_PROBLEMS, *clean_variables(dict(variables))]
    environment.check()
    return settings


def load_database_settings(variables: Mapping[str, str] = os.environ) -> DatabaseSettings:
    """Reads the settings of the database only; raises SettingsError as `load_settings` does."""
    environment = _Environment(variables)
    settings = _database_settings(environment)
    environment.check()
    return settings


def load_provision_settings(variables: Mapping[str, str] = os.environ) -> ProvisionSettings:
    """Reads the provision function's settings; raises SettingsError as `load_settings` does."""
    environment = _Environment(variables)
    settings = ProvisionSettings(
        salt_parameter=environment.required("SALT_PARAMETER", "the name of the SSM parameter with the salt"),
        salt_key=environment.optional("SALT_KEY") or "alias/aws/ssm",
        region=_region(environment),
        database=_database_settings(environment),
        passwords={
            role: password
            for role in ("ingest", "reader", "masker", "remover", "custodian", "linker")
            if (password := environment.verbatim(f"{role.upper()}_PASSWORD"))
        },
        daily_partitions=environment.one_of("DAILY_PARTITIONS", ("true", "false"), "false") == "true",
        values_per_hour=environment.count("VALUES_PER_HOUR"),
    )
    environment.check()
    return settings


def _envelope(environment: _Environment) -> str | None:
    envelope = environment.one_of("ENVELOPE", ("none", *OPENERS), "none")
    return envelope if envelope in OPENERS else None


def _database_settings(environment: _Environment) -> DatabaseSettings:
    settings = DatabaseSettings(
        host=environment.required("PGHOST", "the host name of Postgres"),
        port=environment.port("PGPORT", 5432),
        name=environment.required("PGDATABASE", "the database"),
        user=environment.required("PGUSER", "the role to log in as"),
        password=environment.verbatim("PGPASSWORD"),
        ssl_mode=environment.one_of("PGSSLMODE", SSL_MODES, "prefer"),
        ssl_root_cert=environment.optional("PGSSLROOTCERT"),
        iam_auth=environment.one_of("DB_IAM_AUTH", ("true", "false"), "false") == "true",
        region=_region(environment),
    )
    if settings.ssl_root_cert not in (None, "system") and not Path(settings.ssl_root_cert).is_file():
        environment.problems.append("PGSSLROOTCERT names no file that can be read")
    if settings.iam_auth and settings.ssl_mode in SSL_MODES[:3]:
        environment.problems.append("DB_IAM_AUTH needs PGSSLMODE to be require, verify-ca or verify-full")
    return settings


def _region(environment: _Environment) -> str | None:
    emulated = EMULATED_REGION if environment.optional("AWS_ENDPOINT_URL") else None
    return environment.optional("AWS_REGION") or environment.optional("AWS_DEFAULT_REGION") or emulated
