"""Loads the account of a template."""

from collections.abc import Mapping
from typing import Any

from tests.iam.account import Account, Function
from tests.iam.errors import UnsupportedPolicyError
from tests.iam.evaluation import Policy
from tests.iam.policy import Statement
from tests.iam.resolution import ACCOUNT, REGION, Resolver
from tests.iam.resolution import arn as make_arn

# Statements of managed policies of AWS. https://docs.aws.amazon.com/aws-managed-policy/latest/reference/
MANAGED = {
    "AWSLambdaBasicExecutionRole": {
        "Effect": "Allow",
        "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "*",
    },
}


def load_account(template: Mapping[str, Any]) -> Account:
    """Returns the account that a template makes; raises UnsupportedPolicyError for an unknown element."""
    resources = template["Resources"]
    resolver = Resolver(resources)
    account = Account(
        outputs={name: resolver.resolve(output["Value"]) for name, output in template.get("Outputs", {}).items()}
    )
    for id_, resource in resources.items():
        add = ADDERS.get(resource["Type"])
        if add is not None:
            add(account, resolver, id_, resource.get("Properties", {}))
    return account


def statements(name: str, document: Mapping[str, Any]) -> Policy:
    """Returns the statements of a policy document; `name` is its place in the template."""
    given = document["Statement"]
    listed = given if isinstance(given, list) else [given]
    return tuple(Statement(f"{name}/{body.get('Sid', number)}", body) for number, body in enumerate(listed))


def _add_role(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    own = [
        each
        for policy in properties.get("Policies", ())
        for each in statements(id_, resolver.resolve(policy["PolicyDocument"]))
    ]
    for given in resolver.resolve(properties.get("ManagedPolicyArns", [])):
        name = given.rsplit("/", 1)[-1]
        if name not in MANAGED:
            raise UnsupportedPolicyError(f"The managed policy {name} is not known.")
        own.append(Statement(f"{id_}/{name}", MANAGED[name]))
    account.roles[id_] = (*account.roles.get(id_, ()), *own)


def _add_policy(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    for role in resolver.resolve(properties["Roles"]):
        added = statements(role, resolver.resolve(properties["PolicyDocument"]))
        account.roles[role] = (*account.roles.get(role, ()), *added)


def _add_function(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    arn = resolver.arn_of(id_)
    given = resolver.resolve(properties)
    account.functions[id_] = Function(
        name=id_,
        arn=arn,
        role=given["Role"].rsplit("/", 1)[-1],
        handler=given["Handler"],
        environment=given.get("Environment", {}).get("Variables", {}),
        log_group=given["LoggingConfig"]["LogGroup"],
        in_vpc="VpcConfig" in given,
        traced=given.get("TracingConfig", {}).get("Mode") == "Active",
    )


def _add_version(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    account.versions.append(f"{resolver.arn_of(resolver.resolve(properties['FunctionName']))}:1")


def _add_permission(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    given = resolver.resolve(properties)
    conditions = {"aws:SourceArn": given.get("SourceArn"), "aws:SourceAccount": given.get("SourceAccount")}
    body = {
        "Effect": "Allow",
        "Principal": {"Service": given["Principal"]},
        "Action": given["Action"],
        "Resource": given["FunctionName"],
        "Condition": {"StringLike": {key: value for key, value in conditions.items() if value}},
    }
    _attach(account, given["FunctionName"], (Statement(id_, body),))


def _add_rule(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    given = resolver.resolve(properties)
    rule = resolver.arn_of(id_)
    if "EventBusName" in given:  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-manage-iam-access.html
        rule = make_arn(f"events:{{region}}:{{account}}:rule/{given['EventBusName']}/{given['Name']}")
    account.rules[rule] = [target["Arn"] for target in given["Targets"]]


def _add_subscription(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    given = resolver.resolve(properties)
    if given["Protocol"] == "sqs":
        account.subscriptions.setdefault(given["TopicArn"], []).append(given["Endpoint"])


def _add_log_group(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    if "KmsKeyId" in properties:
        account.encrypted_logs[resolver.arn_of(id_).removesuffix(":*")] = resolver.resolve(properties["KmsKeyId"])


def _add_key(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    _attach(account, resolver.arn_of(id_), statements(id_, resolver.resolve(properties["KeyPolicy"])))


def _add_topic(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    account.keys[resolver.arn_of(id_)] = resolver.resolve(properties["KmsMasterKeyId"])


def _add_queue(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    arn = resolver.arn_of(id_)
    account.keys[arn] = resolver.resolve(properties["KmsMasterKeyId"])


def _add_queue_policy(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    for url in resolver.resolve(properties["Queues"]):
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[-1]}"
        _attach(account, queue, statements(id_, resolver.resolve(properties["PolicyDocument"])))


def _add_topic_policy(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    for topic in resolver.resolve(properties["Topics"]):
        _attach(account, topic, statements(id_, resolver.resolve(properties["PolicyDocument"])))


def _add_endpoint(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    service = resolver.resolve(properties["ServiceName"]).rsplit(".", 1)[-1]
    account.endpoints[service] = statements(id_, resolver.resolve(properties["PolicyDocument"]))


def _add_vpc(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    account.is_isolated = True


def _add_instance(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    account.databases[f"{id_}.Endpoint.Address"] = f"{id_}.DbiResourceId"


def _add_cluster(account: Account, resolver: Resolver, id_: str, properties: Any) -> None:
    account.databases[f"{id_}.Endpoint.Address"] = f"{id_}.DBClusterResourceId"


def _attach(account: Account, arn: str, policy: Policy) -> None:
    account.resource_policies[arn] = (*account.resource_policies.get(arn, ()), *policy)


ADDERS = {
    "AWS::IAM::Role": _add_role,
    "AWS::IAM::Policy": _add_policy,
    "AWS::Lambda::Function": _add_function,
    "AWS::Lambda::Version": _add_version,
    "AWS::Lambda::Permission": _add_permission,
    "AWS::Logs::LogGroup": _add_log_group,
    "AWS::Events::Rule": _add_rule,
    "AWS::KMS::Key": _add_key,
    "AWS::SNS::Topic": _add_topic,
    "AWS::SQS::Queue": _add_queue,
    "AWS::SQS::QueuePolicy": _add_queue_policy,
    "AWS::SNS::TopicPolicy": _add_topic_policy,
    "AWS::SNS::Subscription": _add_subscription,
    "AWS::EC2::VPCEndpoint": _add_endpoint,
    "AWS::EC2::VPC": _add_vpc,
    "AWS::RDS::DBInstance": _add_instance,
    "AWS::RDS::DBCluster": _add_cluster,
}
