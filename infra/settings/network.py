"""The settings of the network."""

from dataclasses import dataclass

from infra.settings.values import SECURITY_GROUP, flag, ids, number, setting, text


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The VPC and its endpoints; each field is one context key."""

    vpc_id: str | None = setting(
        text(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})", "a VPC's id"), "existing VPC to use, with subnetIds", default=None
    )
    subnet_ids: tuple[str, ...] = setting(
        ids(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})", "subnet ids, with commas between"),
        "private subnets of vpcId, in two or more availability zones",
        default=(),
    )
    ssm_endpoint: bool = setting(flag, "make the VPC endpoint of SSM (false: the existing VPC has one)", default=True)
    sqs_endpoint: bool = setting(
        flag,
        "make the VPC endpoint of SQS, which quarantine needs (false: the existing VPC has one)",
        default=True,
    )
    endpoint_security_group: str | None = setting(
        SECURITY_GROUP, "security group of the existing VPC's endpoints, to use instead of new ones", default=None
    )
    endpoint_zones: int = setting(
        number(1, 2), "availability zones with new endpoints (each is billed by the hour, in each zone)", default=2
    )
