"""Makes the event of an SQS event source mapping, and reads the function's partial batch response.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html (partial batch responses).
"""

import base64
import json
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef

    Record = dict[str, Any]

LARGEST_PAYLOAD = 6_000_000  # bytes of JSON; the limit is 6 MB, and the JSON around the records needs some


def make_record(message: "MessageTypeDef", queue_arn: str) -> "Record":
    """A received message as an element of `Records`: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: "MessageAttributeValueOutputTypeDef") -> dict[str, Any]:
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute


def split_by_size(records: "Iterable[Record]") -> "Iterator[list[Record]]":
    """Yields batches, in order, that each fit into one invocation."""
    batch: list[Record] = []
    size = 0
    for record in records:
        length = len(json.dumps(record)) + 2
        if batch and size + length > LARGEST_PAYLOAD:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def failed_messages(response: object, delivered: Collection[str]) -> set[str]:
    """Returns the message ids that a response reports as failed, by AWS's rules for partial batch responses.

    `response` is the decoded JSON. Null, an empty object, and a null or empty list are success; anything malformed, and
    an identifier that is empty, null or not of this batch, fails all of `delivered`.
    """
    if response is None:
        return set()
    if not isinstance(response, dict):
        return set(delivered)
    failures = response.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return set(delivered)
    known = set(delivered)
    failed = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in known:
            return known
        failed.add(identifier)
    return failed
