"""What the cloud stack can be told: the CDK context, read and checked once."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from infra.delivery import MAX_OUTAGE_MINUTES, OUTAGE_MINUTES, OUTAGE_MINUTES_WITHOUT_QUARANTINE

# The CDK command line and libraries keep their own switches in the same context.
FOREIGN_KEY = re.compile(r"@aws-cdk/|aws:|aws-cdk:|cdk:|cli-telemetry$")
STAGES_KEY = "stages"
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: a larger batch needs a batching window.
SMALL_BATCH = 10


class ContextError(Exception):
    """The CDK context holds unknown, malformed or contradictory values: the message names each one."""


def _text(pattern: str, meaning: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(meaning)
        return value

    return read


def _number(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        text = str(value)
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _flag(value: object) -> bool:
    text = str(value).lower()
    if text not in {"true", "false"}:
        raise ValueError("true or false")
    return text == "true"


def _capacity(value: object) -> float:
    lowest, highest = 0.5, 256
    text = str(value)
    if not re.fullmatch(r"\d{1,3}(\.[05])?", text) or not lowest <= float(text) <= highest:
        raise ValueError(f"Aurora capacity units from {lowest} to {highest}, in steps of 0.5")
    return float(text)


def _ids(pattern: str, meaning: str) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        items = value if isinstance(value, list) else str(value).split(",")
        if not items or not all(isinstance(item, str) and re.fullmatch(pattern, item) for item in items):
            raise ValueError(meaning)
        return tuple(items)

    return read


_HOST = r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}"
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_SECURITY_GROUP = _text(r"sg-([0-9a-f]{8}|[0-9a-f]{17})", "a security group's id, such as sg-0123456789abcdef0")


def _key(read: Callable[[object], object], meaning: str, *, default: object) -> Any:  # noqa: ANN401 (as dataclasses.field)
    return field(default=default, metadata={"read": read, "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One deployment's choices; each field is one context key, in camelCase there."""

    stage: str = _key(
        _text(r"[a-z][a-z0-9-]{0,19}", "a short lower-case name"),
        "name of the deployment: a part of every name, and the set of defaults in cdk.json",
        default="staging",
    )
    arch: str = _key(
        _text("arm64|x86_64", "arm64 or x86_64"), "processor of the functions: arm64 or x86_64", default="arm64"
    )
    alarm_email: str | None = _key(
        _text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
        "address that gets the alarms (AWS asks it to confirm once)",
        default=None,
    )
    retain_data: bool = _key(
        _flag, "keep keys and salt, and snapshot the database, when the stack is destroyed", default=True
    )
    deletion_protection: bool = _key(_flag, "refuse to delete the database and the stack", default=True)
    # the database of the stack
    database: str = _key(
        _text("rds|aurora", "rds or aurora"), "rds (one PostgreSQL instance) or aurora (Serverless v2)", default="rds"
    )
    instance_class: str = _key(
        _text(r"db\.[a-z0-9]+\.[a-z0-9]+", "a class such as db.t4g.small"),
        "class of the RDS instance",
        default="db.t4g.small",
    )
    storage_gib: int = _key(_number(20, 65536), "storage of the RDS instance at first, in GiB", default=20)
    max_storage_gib: int = _key(_number(22, 65536), "how far the storage grows by itself, in GiB", default=200)
    min_capacity: float = _key(_capacity, "lowest capacity of Aurora, in units of 2 GiB", default=0.5)
    max_capacity: float = _key(_capacity, "highest capacity of Aurora, in units of 2 GiB", default=4.0)
    restore_snapshot: str | None = _key(
        _text(r"[A-Za-z][A-Za-z0-9:.-]{0,254}|arn:aws[a-z-]*:rds:[A-Za-z0-9:._-]+", "a snapshot's name or ARN"),
        "snapshot to make the database from, to be kept from then on: a change of it makes the database anew",
        default=None,
    )
    multi_az: bool = _key(_flag, "a standby in a second availability zone", default=False)
    proxy: bool = _key(_flag, "RDS Proxy between function and database", default=False)
    ingest_connections: int = _key(
        _number(4, 1000), "connections of the database that the function may hold", default=40
    )
    # an existing network
    vpc_id: str | None = _key(
        _text(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})", "a VPC's id"), "existing VPC to use, with subnetIds", default=None
    )
    subnet_ids: tuple[str, ...] = _key(
        _ids(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})", "subnet ids, with commas between"),
        "private subnets of vpcId, in two or more availability zones",
        default=(),
    )
    ssm_endpoint: bool = _key(_flag, "make the VPC endpoint of SSM (false: the existing VPC has one)", default=True)
    sqs_endpoint: bool = _key(
        _flag,
        "make the VPC endpoint of SQS, which quarantine needs (false: the existing VPC has one)",
        default=True,
    )
    endpoint_security_group: str | None = _key(
        _SECURITY_GROUP, "security group of the existing VPC's endpoints, to use in place of new ones", default=None
    )
    endpoint_zones: int = _key(
        _number(1, 2), "availability zones with new endpoints (each is billed by the hour, in each zone)", default=2
    )
    # an existing database
    database_host: str | None = _key(
        _text(_HOST, "a host name or address"),
        "existing database to use: the stack then makes no database, and no VPC without vpcId",
        default=None,
    )
    database_port: int = _key(_number(1, 65535), "port of the database", default=5432)
    database_name: str = _key(_text(_NAME, "a database's name"), "name of the database", default="logins")
    database_secret: str | None = _key(
        _text(r"[A-Za-z0-9/_+=.@:-]{1,512}", "a secret's name or ARN"),
        "Secrets Manager secret (JSON: username, password) of the existing database's owner",
        default=None,
    )
    database_owner: str = _key(
        _text(_NAME, "a role's name"),
        "role that owns the tables; of an existing database: its owner with IAM log-in",
        default="pipeline_owner",
    )
    database_resource_id: str | None = _key(
        _text(r"(db|cluster|prx)-[A-Za-z0-9]+", "an id such as db-ABCDEFGHIJKL"),
        "resource id of an existing RDS database that takes IAM log-ins (in place of databaseSecret)",
        default=None,
    )
    database_security_group: str | None = _key(
        _SECURITY_GROUP, "security group of the existing database in vpcId", default=None
    )
    database_ssl_mode: str = _key(
        _text("verify-full|verify-ca|require|disable", "verify-full, verify-ca, require or disable"),
        "libpq's sslmode towards an existing database",
        default="verify-full",
    )
    # how the queue is worked off
    batch_size: int = _key(_number(1, 10000), "messages in one invocation, at most", default=1000)
    batch_window: int = _key(_number(0, 300), "seconds that a batch may wait to fill", default=5)
    function_timeout: int = _key(_number(5, 900), "seconds that one batch may take", default=30)
    memory: int = _key(_number(128, 10240), "memory of the function in MB (1769 is one processor)", default=1024)
    quarantine: bool = _key(
        _flag,
        "have the function send a rejected message to the DLQ itself, at first sight and with the reason",
        default=True,
    )
    outage_minutes: int | None = _key(
        _number(1, MAX_OUTAGE_MINUTES),
        "minutes of an outage that a good message outlives without going to the DLQ; by default "
        f"{OUTAGE_MINUTES}, and {OUTAGE_MINUTES_WITHOUT_QUARANTINE} without quarantine",
        default=None,
    )
    reserve_concurrency: bool = _key(
        _flag, "reserve the function's concurrency (false in accounts with a quota of 10)", default=True
    )
    endpoint_url: str | None = _key(
        _text(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?", "an address such as http://localhost:4566"),
        "AWS endpoint for the functions, for emulators that do not tell them",
        default=None,
    )
    salt_key_arn: str | None = _key(
        _text(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]+", "a KMS key's ARN"),
        "existing KMS key of the salt: to take up the salt of a destroyed stack, or that of saltParameter",
        default=None,
    )
    salt_parameter: str | None = _key(
        _text(r"(/[A-Za-z0-9_.-]+)+", "a parameter's name, such as /login-pipeline-one/salt"),
        "salt of another stack, with saltKeyArn, for shards that are to give the same pseudonyms",
        default=None,
    )

    # operators
    daily_partitions: bool = _key(
        _flag, "partition by day, for good: from some ten million logins a month on", default=False
    )
    retention_months: int | None = _key(
        _number(1, 1200), "months of logins to keep beside the current one; by default all are kept", default=None
    )
    vault_key_arn: str | None = _key(
        _text(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]+", "a KMS key's ARN"),
        "asymmetric KMS key (RSA, ENCRYPT_DECRYPT) that opens the vault; switches the vault on, with vaultPublicKey",
        default=None,
    )
    vault_public_key: str | None = _key(
        _text(r"[A-Za-z0-9+/]{300,1500}={0,2}", "the base64 that `aws kms get-public-key` prints"),
        "public half of vaultKeyArn, which the function seals with",
        default=None,
    )

    @property
    def existing_database(self) -> bool:
        """Whether the database is not the stack's own."""
        return self.database_host is not None

    @property
    def in_vpc(self) -> bool:
        """Whether the functions run in a VPC."""
        return not self.existing_database or self.vpc_id is not None

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Read the context: the stage's values in cdk.json, overridden by `-c key=value`; raise ContextError."""
        fields = {_camel(item.name): item for item in dataclasses.fields(cls)}
        problems: list[str] = []
        stages = context.get(STAGES_KEY, {})
        stage = context.get("stage", fields["stage"].default)
        given = {key: value for key, value in context.items() if key != STAGES_KEY and not FOREIGN_KEY.match(key)}
        if not isinstance(stages, dict) or not all(isinstance(values, dict) for values in stages.values()):
            problems.append(f"{STAGES_KEY}: an object of one object a stage")
        else:
            given = {**stages.get(stage, {}), **given}
        values: dict[str, Any] = {}
        for key, value in given.items():
            if key not in fields:
                problems.append(f"{key}: unknown; known are {', '.join(fields)}")
                continue
            if value is None or value == "":
                continue
            try:
                values[fields[key].name] = fields[key].metadata["read"](value)
            except ValueError as error:
                problems.append(f"{key}: must be {error}")
        if not problems:
            settings = cls(**values)
            problems = settings._contradictions()
        if problems:
            raise ContextError("the CDK context (cdk.json, -c key=value) is not usable:\n  " + "\n  ".join(problems))
        return settings

    def _contradictions(self) -> list[str]:
        pairs = {
            "vpcId and subnetIds": (self.vpc_id, self.subnet_ids),
            "vaultKeyArn and vaultPublicKey": (self.vault_key_arn, self.vault_public_key),
        }
        problems = [f"{keys}: give both or none" for keys, (one, other) in pairs.items() if bool(one) != bool(other)]
        if self.vpc_id and len(self.subnet_ids) == 1:
            problems.append("subnetIds: two or more, in different availability zones")
        theirs = not (self.ssm_endpoint and self.sqs_endpoint)
        if theirs and not self.vpc_id:
            problems.append("ssmEndpoint, sqsEndpoint: false is for an existing VPC, with vpcId")
        elif theirs != bool(self.endpoint_security_group):
            problems.append("endpointSecurityGroup: goes with ssmEndpoint=false, sqsEndpoint=false or both")
        if self.batch_size > SMALL_BATCH and self.batch_window == 0:
            problems.append(f"batchWindow: must be 1 or more with a batchSize above {SMALL_BATCH}")
        if self.max_storage_gib < self.storage_gib * 1.1:
            problems.append("maxStorageGib: must be at least 1.1 times storageGib")
        if self.max_capacity < self.min_capacity or self.max_capacity < 1:
            problems.append("maxCapacity: must be at least 1 and at least minCapacity")
        if self.existing_database and bool(self.database_secret) == bool(self.database_resource_id):
            problems.append("databaseHost: needs either databaseSecret (password) or databaseResourceId (IAM log-in)")
        if self.existing_database and self.proxy:
            problems.append("proxy: only for the stack's own database; give the proxy's host as databaseHost instead")
        if self.existing_database and self.vpc_id and not self.database_security_group:
            problems.append("databaseSecurityGroup: is needed with databaseHost and vpcId")
        if not self.existing_database:
            lonely = ("database_secret", "database_resource_id", "database_security_group")
            problems += [
                f"{_camel(name)}: is for an existing database, with databaseHost"
                for name in lonely
                if getattr(self, name)
            ]
        if self.salt_parameter and not self.salt_key_arn:
            problems.append("saltParameter: needs saltKeyArn, the key of that salt")
        if not self.retain_data and self.deletion_protection and not self.existing_database:
            problems.append("retainData=false: needs deletionProtection=false too")
        return problems


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def key_help() -> list[tuple[str, str, str]]:
    """Return (context key, default, meaning) of every setting, for the documentation and its test."""
    rows = []
    for item in dataclasses.fields(Settings):
        default = "" if item.default in (None, ()) else str(item.default)
        rows.append(
            (
                _camel(item.name),
                default.lower() if isinstance(item.default, bool) else default,
                item.metadata["meaning"],
            )
        )
    return rows
