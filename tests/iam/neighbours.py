"""The universe of requests that the tests check: needed requests, and similar ones that nobody needs."""

from collections.abc import Iterator

from lambda_src.privileges import ROLES
from tests.iam.account import Account
from tests.iam.calls import (
    PARAMETER_CONTEXT,
    QUEUE_CONTEXT,
    log_in,
    log_stream,
    parameter_arn,
    put_parameter,
    via_sqs,
    via_ssm,
)
from tests.iam.platform import LOGS, NETWORK_INTERFACES, TRACES
from tests.iam.policy import Request
from tests.iam.resolution import REGION, arn

PARAMETER_ACTIONS = (
    "GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory", "DeleteParameter",
    "LabelParameterVersion", "AddTagsToResource", "PutResourcePolicy",
)  # fmt: skip
QUEUE_ACTIONS = (
    "SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SetQueueAttributes", "PurgeQueue",
    "DeleteQueue", "ChangeMessageVisibility", "AddPermission", "StartMessageMoveTask",
)  # fmt: skip
KEY_ACTIONS = ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "CreateGrant", "PutKeyPolicy")
USERS = (*ROLES, "pipeline_owner", "postgres")
FUNCTION_ACTIONS = ("InvokeFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration", "GetFunction")
# Other actions: of services that some role uses, and of services that no role uses.
ELSEWHERE = (
    *NETWORK_INTERFACES, *TRACES, "ec2:RunInstances", "ec2:DescribeInstances", "xray:GetTraceSummaries",
    "ssm:DescribeParameters", "sqs:ListQueues", "kms:ListKeys", "kms:GenerateRandom", "logs:DescribeLogGroups",
    "iam:CreateUser", "iam:PassRole", "sts:AssumeRole", "sts:GetCallerIdentity", "s3:ListAllMyBuckets",
    "secretsmanager:GetSecretValue", "cloudformation:DescribeStacks", "rds:ModifyDBInstance", "lambda:ListFunctions",
)  # fmt: skip


def universe(account: Account) -> tuple[Request, ...]:
    """Returns all requests of the universe."""
    found = (_parameters, _queues, _keys, _logs, _databases, _functions, _elsewhere)
    return tuple(dict.fromkeys(request for find in found for request in find(account)))


def _parameter_arns(account: Account) -> tuple[str, ...]:
    salt = account.outputs["SaltParameter"]
    return tuple(parameter_arn(name) for name in (salt, f"{salt}2", f"{salt}/more", "/other"))


def _queue_arns(account: Account) -> tuple[str, ...]:
    return (*(each for each in account.keys if ":sqs:" in each), arn("sqs:{region}:{account}:other"))


def _parameters(account: Account) -> Iterator[Request]:
    for parameter in _parameter_arns(account):
        for action in PARAMETER_ACTIONS:
            yield Request(f"ssm:{action}", parameter)
        for overwrite in (False, True):
            yield put_parameter(parameter, overwrite=overwrite)


def _queues(account: Account) -> Iterator[Request]:
    for queue in _queue_arns(account):
        for action in QUEUE_ACTIONS:
            yield Request(f"sqs:{action}", queue)
            yield Request(f"sqs:{action}", queue, (("aws:SecureTransport", "false"),))


def _keys(account: Account) -> Iterator[Request]:
    made = [each for each in account.resource_policies if ":kms:" in each]
    for key in (*made, account.outputs["SaltKeyArn"], *_vault_keys(account), arn("kms:{region}:{account}:key/other")):
        for action in (f"kms:{action}" for action in KEY_ACTIONS):
            yield Request(action, key)
            for parameter in _parameter_arns(account):
                yield via_ssm(action, key, parameter)
            for queue in _queue_arns(account):
                yield via_sqs(action, key, queue)
            # The context is right, but the call goes directly to KMS or through another service.
            for context in ((PARAMETER_CONTEXT, _parameter_arns(account)[0]), (QUEUE_CONTEXT, _queue_arns(account)[0])):
                yield Request(action, key, (context,))
                yield Request(action, key, (context, ("kms:ViaService", f"secretsmanager.{REGION}.amazonaws.com")))


def _vault_keys(account: Account) -> Iterator[str]:
    if "VaultKeyArn" in account.outputs:
        yield account.outputs["VaultKeyArn"]


def _logs(account: Account) -> Iterator[Request]:
    for group in (*(each.log_group for each in account.functions.values()), "other"):
        for action in (*LOGS, "logs:GetLogEvents", "logs:DeleteLogStream", "logs:FilterLogEvents"):
            yield Request(action, log_stream(group))


def _databases(account: Account) -> Iterator[Request]:
    for resource_id in (*account.databases.values(), "db-OTHER"):
        for user in USERS:
            yield log_in(resource_id, user)


def _functions(account: Account) -> Iterator[Request]:
    for function in (*(each.arn for each in account.functions.values()), arn("lambda:{region}:{account}:function:o")):
        for action in FUNCTION_ACTIONS:
            yield Request(f"lambda:{action}", function)
            yield Request(f"lambda:{action}", f"{function}:1")  # a version


def _elsewhere(_: Account) -> Iterator[Request]:
    for action in ELSEWHERE:
        yield Request(action, "*")
