"""Resolves the references of a template as CloudFormation does, for one account and region."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.iam.errors import UnsupportedPolicyError

PARTITION, REGION, ACCOUNT = "aws", "us-east-1", "000000000000"  # the emulator's
PSEUDO_PARAMETERS = {
    "AWS::Partition": PARTITION,
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
}
# ARNs of resources, after the partition. A resource without a name has its logical id as its name.
ARNS = {
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
}
NAMES = ("QueueName", "TopicName", "RoleName", "FunctionName", "LogGroupName", "DBProxyName")
REFERENCES_ARE_ARNS = ("AWS::SNS::Topic",)

Resources = Mapping[str, Mapping[str, Any]]


def arn(rest: str) -> str:
    """Returns an ARN of the account; `rest` may contain {region} and {account}."""
    return f"arn:{PARTITION}:{rest.format(region=REGION, account=ACCOUNT)}"


class Resolver:
    """Resolves references between the resources of one template."""

    def __init__(self, resources: Resources) -> None:
        """Takes the template's resources by logical id."""
        self._resources = resources

    def arn_of(self, logical_id: str) -> str:
        """Returns the ARN of a resource."""
        kind = self._resources[logical_id]["Type"]
        if kind not in ARNS:
            raise UnsupportedPolicyError(f"The ARN of a {kind} is not known.")
        return arn(ARNS[kind].replace("{name}", self._name(logical_id)))

    def resolve(self, value: Any) -> Any:
        """Returns the value; each intrinsic function in it is replaced by its result."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        return {key: self.resolve(item) for key, item in value.items()}

    def _call(self, name: str, argument: Any) -> Any:
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._reference,
            "Fn::GetAtt": lambda given: self._attribute(*(given.split(".", 1) if isinstance(given, str) else given)),
            "Fn::Join": lambda given: given[0].join(self.resolve(given[1])),
            "Fn::Split": lambda given: self.resolve(given[1]).split(given[0]),
            "Fn::Select": lambda given: self.resolve(given[1])[int(given[0])],
            "Fn::Sub": _substitute,
            "Fn::GetAZs": lambda _: [f"{REGION}{zone}" for zone in "abc"],
        }
        if name not in functions:
            raise UnsupportedPolicyError(f"{name} is not supported.")
        return functions[name](argument)

    def _reference(self, logical_id: str) -> str:
        if logical_id in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[logical_id]
        kind = self._resources[logical_id]["Type"]
        if kind in REFERENCES_ARE_ARNS:
            return self.arn_of(logical_id)
        name = self._name(logical_id)
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}" if kind == "AWS::SQS::Queue" else name

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if attribute == "Arn":
            return self.arn_of(logical_id)
        if attribute == "DBProxyArn":
            return arn(f"rds:{{region}}:{{account}}:db-proxy:prx-{logical_id}")
        return f"{logical_id}.{attribute}"

    def _name(self, logical_id: str) -> str:
        properties = self._resources[logical_id].get("Properties", {})
        return next((self.resolve(properties[name]) for name in NAMES if name in properties), logical_id)


def _substitute(text: str) -> str:
    for parameter, value in PSEUDO_PARAMETERS.items():
        text = text.replace(f"${{{parameter}}}", value)
    if "${" in text:
        raise UnsupportedPolicyError("Fn::Sub is supported only for pseudo parameters.")
    return text
