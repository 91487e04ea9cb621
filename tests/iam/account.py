"""The AWS account that a template makes: functions, roles, policies of resources, VPC endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.iam.evaluation import Policy


@dataclass(frozen=True)
class Function:
    """A Lambda function: its ARN, the logical id of its role, and its configuration."""

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
    """The data that decides on requests. The keys of `resource_policies` and `keys` are ARNs of resources."""

    roles: dict[str, Policy] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    resource_policies: dict[str, Policy] = field(default_factory=dict)
    endpoints: dict[str, Policy] = field(default_factory=dict)  # VPC endpoint policies by service
    keys: dict[str, str] = field(default_factory=dict)  # KMS keys by the ARN of a queue, topic or parameter
    databases: dict[str, str] = field(default_factory=dict)  # resource ids by host
    outputs: dict[str, str] = field(default_factory=dict)
    encrypted_logs: dict[str, str] = field(default_factory=dict)  # KMS keys by the ARN of a log group
    rules: dict[str, list[str]] = field(default_factory=dict)  # ARNs of targets by the ARN of a rule
    subscriptions: dict[str, list[str]] = field(default_factory=dict)  # ARNs of queues by the ARN of a topic
    versions: list[str] = field(default_factory=list)  # ARNs of function versions
    is_isolated: bool = False  # the stack has its own VPC, which reaches AWS only through its endpoints
