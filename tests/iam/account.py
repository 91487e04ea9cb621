"""The account as a template makes it: functions with their roles, policies of resources, VPC endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.iam.evaluation import Policy


@dataclass(frozen=True)
class Function:
    """A Lambda function: its ARN, the logical id of its role, and what it is configured by."""

    name: str
    arn: str
    role: str
    handler: str
    environment: Mapping[str, str]
    log_group: str
    in_vpc: bool
    traced: bool


@dataclass
class Account:
    """All that decides on requests; whatever is an ARN is a key of `resource_policies` and `keys`."""

    roles: dict[str, Policy] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    resource_policies: dict[str, Policy] = field(default_factory=dict)
    endpoints: dict[str, Policy] = field(default_factory=dict)  # by service
    keys: dict[str, str] = field(default_factory=dict)  # the KMS key of a queue, or of a parameter
    databases: dict[str, str] = field(default_factory=dict)  # the resource id by host
    outputs: dict[str, str] = field(default_factory=dict)
    encrypted_logs: dict[str, str] = field(default_factory=dict)  # the KMS key of a log group, by ARN
    rules: dict[str, list[str]] = field(default_factory=dict)  # the targets of a rule, all by ARN
    subscriptions: dict[str, list[str]] = field(default_factory=dict)  # the queues of a topic, all by ARN
    versions: list[str] = field(default_factory=list)  # of functions, by ARN
    is_isolated: bool = False  # the VPC is of its own, and its endpoints are the only way out
