"""Translates an API call to the requests that IAM decides on, with the uses of a KMS key.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Mapping
from typing import Any

from tests.iam.errors import UnsupportedPolicyError
from tests.iam.policy import Request
from tests.iam.resolution import REGION, arn

Keys = Mapping[str, str]  # the KMS key of a queue or a parameter, by ARN
Body = Mapping[str, Any]

DEFAULT_KEY = arn("kms:{region}:{account}:key/aws-managed")
# The encryption context is the ARN of the parameter. In the standard tier, KMS encrypts the value itself.
# https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
PARAMETER_CONTEXT = "kms:EncryptionContext:PARAMETER_ARN"
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
QUEUE_CONTEXT = "kms:EncryptionContext:aws:sqs:arn"
SENDS, RECEIVES = ("kms:GenerateDataKey", "kms:Decrypt"), ("kms:Decrypt",)
SQS_ON_KEYS = {"SendMessage": SENDS, "ReceiveMessage": RECEIVES}


def requests_of(service: str, action: str, body: Body, keys: Keys) -> list[Request]:
    """Returns the requests of a call; raises UnsupportedPolicyError for an unknown service."""
    find = {"sqs": _sqs, "ssm": _ssm, "kms": _kms, "lambda": _lambda, "logs": _logs}.get(service)
    if find is None:
        raise UnsupportedPolicyError(f"Calls of {service} are not known.")
    return find(action, body, keys)


def parameter_arn(name: str) -> str:
    """Returns the ARN of a parameter. `name` may be an ARN, and may end with a version or a label."""
    plain = name.rsplit(":parameter", 1)[-1].split(":", maxsplit=1)[0]
    return arn(f"ssm:{{region}}:{{account}}:parameter/{plain.removeprefix('/')}")


def via_ssm(action: str, key: str, parameter: str) -> Request:
    """Returns the request of SSM on a key, for the caller."""
    return Request(action, key, ((PARAMETER_CONTEXT, parameter), ("kms:ViaService", f"ssm.{REGION}.amazonaws.com")))


def via_sqs(action: str, key: str, queue: str) -> Request:
    """Returns the request of SQS on a key, for the caller."""
    return Request(action, key, ((QUEUE_CONTEXT, queue), ("kms:ViaService", f"sqs.{REGION}.amazonaws.com")))


def put_parameter(parameter: str, *, overwrite: bool) -> Request:
    """Returns the request to put a parameter."""
    return Request("ssm:PutParameter", parameter, (("ssm:Overwrite", str(overwrite).lower()),))


def log_in(resource_id: str, user: str) -> Request:
    """Returns the request of a log-in to a database with an IAM token.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
    """
    return Request("rds-db:connect", arn(f"rds-db:{{region}}:{{account}}:dbuser:{resource_id}/{user}"))


def _sqs(action: str, body: Body, keys: Keys) -> list[Request]:
    # A batch call needs the permission of the single call, for example DeleteMessageBatch needs DeleteMessage.
    action = action.removesuffix("Batch")
    name = body["QueueUrl"].rsplit("/", 1)[-1] if "QueueUrl" in body else body["QueueName"]
    queue = arn(f"sqs:{{region}}:{{account}}:{name}")
    asked = [Request(f"sqs:{action}", queue)]
    if queue in keys:
        asked += [via_sqs(each, keys[queue], queue) for each in SQS_ON_KEYS.get(action, ())]
    return asked


def _ssm(action: str, body: Body, keys: Keys) -> list[Request]:
    if action == "DescribeParameters":
        return [Request("ssm:DescribeParameters", "*")]
    names = body["Names"] if "Names" in body else [body["Name"]]
    asked: list[Request] = []
    for parameter in map(parameter_arn, names):
        key = body.get("KeyId") or keys.get(parameter, DEFAULT_KEY)
        if action == "PutParameter":
            asked.append(put_parameter(parameter, overwrite=body.get("Overwrite", False)))
            if body.get("Type") == "SecureString":
                asked.append(via_ssm("kms:Encrypt", key, parameter))
        else:
            asked.append(Request(f"ssm:{action}", parameter))
            if body.get("WithDecryption"):
                asked.append(via_ssm("kms:Decrypt", key, parameter))
    return asked


def _kms(action: str, body: Body, keys: Keys) -> list[Request]:
    context = {f"kms:EncryptionContext:{name}": value for name, value in body.get("EncryptionContext", {}).items()}
    return [Request(f"kms:{action}", body.get("KeyId", "*"), tuple(context.items()))]


def _lambda(action: str, body: Body, keys: Keys) -> list[Request]:
    return [Request(f"lambda:{action}", arn(f"lambda:{{region}}:{{account}}:function:{body['FunctionName']}"))]


def _logs(action: str, body: Body, keys: Keys) -> list[Request]:
    return [Request(f"logs:{action}", log_stream(body["logGroupName"]))]


def log_stream(group: str) -> str:
    """Returns the ARN of a stream in a log group."""
    return arn(f"logs:{{region}}:{{account}}:log-group:{group}:log-stream:stream")
