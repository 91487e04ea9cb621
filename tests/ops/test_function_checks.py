"""`doctor` on the function and its event source mapping, with the answers of Lambda in words of its documentation."""

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ops.checks.finding import Finding
from ops.checks.function import check_function

QUEUE = "arn:aws:sqs:us-east-1:111122223333:logins"
WELL = {
    "EventSourceArn": QUEUE,
    "State": "Enabled",
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 5,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}


def check(*, timeout: int = 30, visibility: int = 185, mappings: tuple[dict[str, Any], ...] = (WELL,)) -> list[Finding]:
    """The findings on a function with these numbers, in seconds."""
    client = boto3.client("lambda", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        name = {"FunctionName": "ingest"}
        stub.add_response("get_function_configuration", {"Runtime": "python3.13", "Timeout": timeout}, name)
        stub.add_response("list_event_source_mappings", {"EventSourceMappings": list(mappings)}, name)
        queue = SimpleNamespace(arn=QUEUE, attributes={"VisibilityTimeout": str(visibility)})
        target: Any = SimpleNamespace(settings=SimpleNamespace(function_name="ingest"), lambda_=client, queue=queue)
        return list(check_function(target))


def worst(findings: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.status.value for finding in findings if finding.status != "ok"}


def test_function_that_is_well() -> None:
    findings = check()
    assert worst(findings) == {}
    assert {finding.check for finding in findings} == {"function", "time for a batch", "event source"}


@pytest.mark.parametrize(
    ("timeout", "visibility", "status", "named"),
    [
        (30, 185, "ok", ""),
        (30, 184, "warning", "185 s"),  # AWS's advice, and no more
        (30, 35, "warning", "185 s"),
        (30, 34, "error", "35 s"),  # another consumer gets messages that are being written
        (5, 35, "ok", ""),
        (4, 35, "error", "5 s or more"),
    ],
)
def test_time_for_a_batch(timeout: int, visibility: int, status: str, named: str) -> None:
    (finding,) = (f for f in check(timeout=timeout, visibility=visibility) if f.check == "time for a batch")
    assert finding.status == status
    assert named in finding.advice


def test_window_that_is_not_said_is_none() -> None:
    mapping = {name: value for name, value in WELL.items() if name != "MaximumBatchingWindowInSeconds"}
    assert worst(check(visibility=180, mappings=(mapping,))) == {}


@pytest.mark.parametrize(
    "mapping",
    [{"EventSourceArn": QUEUE + "-other"}, {"State": "Disabled"}, {"FunctionResponseTypes": []}],
    ids=["of another queue", "off", "without partial responses"],
)
def test_event_source_that_writes_nothing(mapping: dict[str, Any]) -> None:
    assert worst(check(mappings=(WELL | mapping,))) == {"event source": "error"}
