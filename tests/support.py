"""What unit and integration tests share: records as SQS delivers them, and what the function prints."""

import json
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambda_src.contract import FIELDS
from lambda_src.fields import Field
from lambda_src.normal_forms import app_version_code, normal_ip
from local.generator import make_value
from tests import oracle

ROOT = Path(__file__).resolve().parents[1]
ABSENT: Any = object()
NOON = 1_700_049_600_000  # 2023-11-15 12:00 UTC, in milliseconds
NOON_DATE = "2023-11-15"

Record = dict[str, Any]


def label(value: object) -> str:
    """The value as the name of a test's case: without addresses, for all workers must give it the same name."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


KNOWN_BODY = {
    "user_id": "424cdd21-063a-43a7-b91b-7ca1a833afae",
    "app_version": "2.3.0",
    "device_type": "android",
    "ip": "199.172.111.135",
    "locale": "RU",
    "device_id": "593-47-5928",
}


def make_rule(field: Field) -> oracle.Rule:
    """What the oracle has to know of a field that has been added to the table."""
    form = {normal_ip: "ip", app_version_code: "app_version"}.get(field.normal or field.code)
    return oracle.Rule(field.kind, field.smallest, field.largest, field.required, field.masked, form)


# Fields that have been added to the table since: any valid value, and the oracle's rule.
ADDED_BODY = {name: make_value(field, Random(name)) for name, field in FIELDS.items() if name not in KNOWN_BODY}  # noqa: S311
REQUIRED_BODY = {name: value for name, value in ADDED_BODY.items() if FIELDS[name].required}
RULES = oracle.RULES | {name: make_rule(FIELDS[name]) for name in ADDED_BODY}


def make_body(**changes: Any) -> dict[str, Any]:
    """A valid body; `changes` replace fields, ABSENT leaves one out.

    Without added optional fields: tests count what is sealed and linked.
    """
    fields = {**KNOWN_BODY, **REQUIRED_BODY, **changes}
    return {name: value for name, value in fields.items() if value is not ABSENT}


def make_record(
    body: object = ABSENT,
    *,
    message_id: str | None = None,
    sent: object = NOON,
    attributes: dict[str, str] | None = None,
    **changes: Any,
) -> Record:
    """A record as an event source mapping hands it over; `attributes` are message attributes, `changes` of the body.

    A `body` that is no text is sent as JSON.
    """
    if body is ABSENT:
        body = make_body(**changes)
    return {
        "messageId": message_id or str(uuid.uuid4()),
        "receiptHandle": "handle",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"} | ({} if sent is ABSENT else {"SentTimestamp": str(sent)}),
        "messageAttributes": {
            name: {"stringValue": text, "dataType": "String", "stringListValues": [], "binaryListValues": []}
            for name, text in (attributes or {}).items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:logins",
        "awsRegion": "us-east-1",
    }


def make_records(count: int, **changes: Any) -> list[Record]:
    """That many valid records, each of another user."""
    return [make_record(user_id=f"user {number}", **changes) for number in range(count)]


class Context(LambdaContext):
    """The context of an invocation that has `seconds` left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]  # static in Powertools' stub
        """Milliseconds until the timeout."""
        return round((self._end - time.monotonic()) * 1000)


def failed_ids(response: Any) -> list[str]:
    """The messages that a partial batch response calls failed; any other shape is an error."""
    assert list(response) == ["batchItemFailures"]
    assert all(list(failure) == ["itemIdentifier"] for failure in response["batchItemFailures"])
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


@dataclass
class Output:
    """What the function printed: log lines, and metrics in CloudWatch's embedded metric format."""

    logs: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)  # of the dimension service alone
    rejected: dict[str, float] = field(default_factory=dict)  # RecordsRejected by reason
    units: dict[str, str] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)

    @classmethod
    def parse(cls, text: str) -> "Output":
        """Reads standard output, each line of which must be a JSON object."""
        output = cls()
        for line in text.splitlines():
            fields = json.loads(line)
            if "message" in fields:
                output.logs.append(fields)
            if "_aws" not in fields:
                continue
            output.services.add(fields["service"])
            for dimensions, name, unit in _metrics_of(fields, output.namespaces):
                (value,) = fields[name]
                output.units[name] = unit
                if dimensions == {"service"}:
                    assert name not in output.metrics, f"{name} twice"
                    output.metrics[name] = value
                else:
                    assert (dimensions, name) == ({"service", "reason"}, "RecordsRejected")
                    assert fields["reason"] not in output.rejected
                    output.rejected[fields["reason"]] = value
        return output

    def lines(self, message: str) -> list[dict[str, Any]]:
        """The log lines with that message."""
        return [line for line in self.logs if line["message"] == message]


def _metrics_of(fields: dict[str, Any], namespaces: set[str]) -> Iterator[tuple[set[str], str, str]]:
    for directive in fields["_aws"]["CloudWatchMetrics"]:
        namespaces.add(directive["Namespace"])
        (dimensions,) = directive["Dimensions"]
        for metric in directive["Metrics"]:
            yield set(dimensions), metric["Name"], metric["Unit"]


def sample_body(words: str) -> str:
    """The body of the message that the printed call of the AWS CLI sends, as a shell reads it."""
    line = next(line for line in words.splitlines() if "--message-body" in line)
    shell = ["bash", "-c", f"printf %s {line.partition('--message-body ')[2]}"]
    return subprocess.run(shell, check=True, capture_output=True, text=True).stdout
