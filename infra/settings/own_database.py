"""The settings of the stack's own database."""

from dataclasses import dataclass

from infra.settings.values import SECURITY_GROUP, capacity, flag, number, private_range, setting, text


@dataclass(frozen=True, kw_only=True)
class OwnDatabaseSettings:
    """The database that the stack makes; each field is one context key."""

    database: str = setting(
        text("rds|aurora", "rds or aurora"), "rds (one PostgreSQL instance) or aurora (Serverless v2)", default="rds"
    )
    instance_class: str = setting(
        text(r"db\.[a-z0-9]+\.[a-z0-9]+", "a class such as db.t4g.small"),
        "class of the RDS instance",
        default="db.t4g.small",
    )
    storage_gib: int = setting(number(20, 65536), "storage of the RDS instance at first, in GiB", default=20)
    max_storage_gib: int = setting(number(22, 65536), "how far the storage grows by itself, in GiB", default=200)
    min_capacity: float = setting(capacity, "lowest capacity of Aurora, in units of 2 GiB", default=0.5)
    max_capacity: float = setting(capacity, "highest capacity of Aurora, in units of 2 GiB", default=4.0)
    restore_snapshot: str | None = setting(
        text(r"[A-Za-z][A-Za-z0-9:.-]{0,254}|arn:aws[a-z-]*:rds:[A-Za-z0-9:._-]+", "a snapshot's name or ARN"),
        "snapshot to make the database from, to be kept from then on: a change of it makes the database anew",
        default=None,
    )
    multi_az: bool = setting(flag, "a standby in a second availability zone", default=False)
    proxy: bool = setting(flag, "RDS Proxy between function and database", default=False)
    ingest_connections: int = setting(
        number(4, 1000), "connections of the database that the function may hold", default=40
    )
    analyst_security_group: str | None = setting(
        SECURITY_GROUP, "security group from which people may connect to the stack's database", default=None
    )
    analyst_cidr: str | None = setting(
        private_range, "private range of addresses from which people may connect to the stack's database", default=None
    )
    pgaudit: bool = setting(
        flag, "load the extension pgaudit into the stack's database (docs/how-to/analysts.md)", default=False
    )
