"""All settings of one deployment."""

from dataclasses import dataclass

from infra.settings.existing_database import ExistingDatabaseSettings
from infra.settings.masking import MaskingSettings
from infra.settings.network import NetworkSettings
from infra.settings.own_database import OwnDatabaseSettings
from infra.settings.queue import QueueSettings
from infra.settings.upstream import UpstreamSettings
from infra.settings.values import flag, setting, text


@dataclass(frozen=True, kw_only=True)
class Settings(
    MaskingSettings,
    UpstreamSettings,
    QueueSettings,
    ExistingDatabaseSettings,
    NetworkSettings,
    OwnDatabaseSettings,
):
    """The settings of one deployment; each field is one context key, which is in camelCase."""

    stage: str = setting(
        text(r"[a-z][a-z0-9-]{0,19}", "a short lower-case name"),
        "name of the deployment: a part of every name, and the set of defaults in cdk.json",
        default="staging",
    )
    arch: str = setting(
        text("arm64|x86_64", "arm64 or x86_64"), "processor of the functions: arm64 or x86_64", default="arm64"
    )
    alarm_email: str | None = setting(
        text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
        "address that gets the alarms (AWS asks it to confirm once)",
        default=None,
    )
    retain_data: bool = setting(
        flag, "keep keys and salt, and snapshot the database, when the stack is destroyed", default=True
    )
    queue_key: bool = setting(
        flag, "a KMS key for the queues alone (false: the key of data at rest, which saves one key)", default=True
    )
    deletion_protection: bool = setting(flag, "refuse to delete the database and the stack", default=True)

    @property
    def existing_database(self) -> bool:
        """Whether the stack uses an existing database."""
        return self.database_host is not None

    @property
    def in_vpc(self) -> bool:
        """Whether the functions run in a VPC."""
        return not self.existing_database or self.vpc_id is not None
