"""Requests of AWS and of the CDK with the roles of the functions, without the code of the project."""

from collections.abc import Iterator

from tests.iam.account import Account, Function
from tests.iam.callers import Caller, Place, function_callers
from tests.iam.calls import log_stream
from tests.iam.policy import Request

LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
NETWORK_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def lambda_requests(account: Account) -> Iterator[tuple[Caller, Request]]:
    """Yields the requests of Lambda with the role of each function, except the polling of the queue."""
    callers = function_callers(account)
    for name, function in account.functions.items():
        for request in _telemetry(function):
            yield callers[name, Place.TELEMETRY], request
        if function.in_vpc:
            for action in NETWORK_INTERFACES:
                yield callers[name, Place.SERVICE], Request(action, "*")


def provider_requests(account: Account) -> Iterator[tuple[Caller, Request]]:
    """Yields the requests of the CDK's provider in a deployment: it invokes a version of the provision function."""
    for (name, place), caller in function_callers(account).items():
        if name.startswith("AWSCDKTrigger") and place is Place.CODE:
            for version in account.versions:
                yield caller, Request("lambda:InvokeFunction", version)


def _telemetry(function: Function) -> Iterator[Request]:
    for action in LOGS:
        yield Request(action, log_stream(function.log_group))
    if function.traced:
        for action in TRACES:
            yield Request(action, "*")
