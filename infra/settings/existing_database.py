"""How to reach an existing database."""

from dataclasses import dataclass

from infra.settings.values import HOST, NAME, SECURITY_GROUP, number, setting, text


@dataclass(frozen=True, kw_only=True)
class ExistingDatabaseSettings:
    """An existing database, and names that hold for any; each field is one context key."""

    database_host: str | None = setting(
        text(HOST, "a host name or address"),
        "existing database to use: the stack then makes no database, and no VPC without vpcId",
        default=None,
    )
    database_port: int = setting(number(1, 65535), "port of the database", default=5432)
    database_name: str = setting(text(NAME, "a database's name"), "name of the database", default="logins")
    database_secret: str | None = setting(
        text(r"[A-Za-z0-9/_+=.@:-]{1,512}", "a secret's name or ARN"),
        "Secrets Manager secret (JSON: username, password) of the existing database's owner",
        default=None,
    )
    database_owner: str = setting(
        text(NAME, "a role's name"),
        "role that owns the tables; of an existing database: its owner with IAM log-in",
        default="pipeline_owner",
    )
    database_resource_id: str | None = setting(
        text(r"(db|cluster|prx)-[A-Za-z0-9]+", "an id such as db-ABCDEFGHIJKL"),
        "resource id of an existing RDS database that takes IAM log-ins (instead of databaseSecret)",
        default=None,
    )
    database_security_group: str | None = setting(
        SECURITY_GROUP, "security group of the existing database in vpcId", default=None
    )
    database_ssl_mode: str = setting(
        text("verify-full|verify-ca|require|disable", "verify-full, verify-ca, require or disable"),
        "libpq's sslmode towards an existing database",
        default="verify-full",
    )
