"""Requests that AWS services make themselves, and similar requests that they do not need."""

from collections.abc import Iterator

from tests.iam.account import Account
from tests.iam.callers import Caller, service
from tests.iam.policy import Request
from tests.iam.resolution import ACCOUNT, REGION, arn

OTHER_ACCOUNT = "999999999999"
LOGS = f"logs.{REGION}"
NAMES = ("events", "cloudwatch", LOGS, "sqs", "s3", "sns")
LOG_CONTEXT = "kms:EncryptionContext:aws:logs:arn"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
LOGS_ON_KEY = (
    "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
)  # fmt: skip
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
ALARMS_ON_KEY = ("Decrypt", "GenerateDataKey")
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
SENDERS_ON_KEY = ("Decrypt", "GenerateDataKey")
KEY_ACTIONS = (*LOGS_ON_KEY, "CreateGrant", "PutKeyPolicy", "ScheduleKeyDeletion")

Source = tuple[tuple[str, str], ...]


def service_needs(account: Account) -> Iterator[tuple[Caller, Request]]:
    """Yields the needed requests: for schedules, events to the queue, alarms and encrypted logs."""
    for rule, targets in account.rules.items():
        for target in targets:
            if target not in account.keys:
                yield service("events"), Request("lambda:InvokeFunction", target, _source(rule))
                continue
            yield service("events"), Request("sqs:SendMessage", target, _source(rule))
            for action in SENDERS_ON_KEY:
                # No AWS page says that EventBridge sends the ARN of the rule when it uses the key of a target.
                yield service("events"), Request(f"kms:{action}", account.keys[target], _source(None))
    for topic, queues in account.subscriptions.items():
        for queue in queues:
            yield service("sns"), Request("sqs:SendMessage", queue, _source(topic))
            for action in SENDERS_ON_KEY:
                yield service("sns"), Request(f"kms:{action}", account.keys[queue], _source(topic))
    for topic in _topics(account):
        yield service("cloudwatch"), Request("sns:Publish", topic, _source(None))
        for action in ALARMS_ON_KEY:
            yield service("cloudwatch"), Request(f"kms:{action}", account.keys[topic], _source(None))
    for group, key in account.encrypted_logs.items():
        for action in LOGS_ON_KEY:
            yield service(LOGS), Request(f"kms:{action}", key, ((LOG_CONTEXT, group),))


def service_universe(account: Account) -> Iterator[tuple[Caller, Request]]:
    """Yields the needed requests and similar ones, each for every service."""
    for name in NAMES:
        for request in dict.fromkeys(_requests(account)):
            yield service(name), request


def _requests(account: Account) -> Iterator[Request]:
    rules = (*account.rules, arn("events:{region}:{account}:rule/other"))
    topics = tuple(topic + end for topic in account.subscriptions for end in ("", "2"))
    for queue in (each for each in account.keys if ":sqs:" in each):
        for sender in (*rules, *topics, *(each.replace(ACCOUNT, OTHER_ACCOUNT) for each in (*rules, *topics))):
            for action in ("SendMessage", "ReceiveMessage"):
                yield Request(f"sqs:{action}", queue, _source(sender))
    for function in account.functions.values():
        for rule in (*rules, *(each.replace(ACCOUNT, OTHER_ACCOUNT) for each in rules)):
            yield Request("lambda:InvokeFunction", function.arn, _source(rule))
            yield Request("lambda:GetFunction", function.arn, _source(rule))
    for source in (_source(None), _source(None, OTHER_ACCOUNT)):
        for topic in _topics(account):
            yield Request("sns:Publish", topic, source)
            yield Request("sns:Publish", topic, (*source, ("aws:SecureTransport", "false")))
            yield Request("sns:SetTopicAttributes", topic, source)
    for key in (each for each in account.resource_policies if ":kms:" in each):
        for action in (f"kms:{action}" for action in KEY_ACTIONS):
            yield Request(action, key, _source(None))
            yield Request(action, key, _source(None, OTHER_ACCOUNT))
            for topic in topics:
                yield Request(action, key, _source(topic))
            for group in account.encrypted_logs:
                yield Request(action, key, ((LOG_CONTEXT, group),))
                yield Request(action, key, ((LOG_CONTEXT, group.replace(ACCOUNT, OTHER_ACCOUNT)),))


def _topics(account: Account) -> tuple[str, ...]:
    return tuple(each for each in account.resource_policies if ":sns:" in each)


def _source(sender: str | None, account: str = ACCOUNT) -> Source:
    if sender is None:
        return (("aws:SourceAccount", account),)
    return (("aws:SourceArn", sender), ("aws:SourceAccount", sender.split(":")[4]))
