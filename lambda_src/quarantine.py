"""Sends rejected messages to the dead-letter queue at first sight, so that only trouble uses up receives."""

import base64
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.contract import Reject, event_key
from lambda_src.salt import CLIENT_CONFIG

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageBatchRequestEntryTypeDef

    Entry = SendMessageBatchRequestEntryTypeDef

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGES_A_CALL = 10
BYTES_A_CALL = 1_048_576
ATTRIBUTES_A_MESSAGE = 10

logger = logging.getLogger(__name__)


class Quarantine:
    """The dead-letter queue, as the function itself writes to it."""

    def __init__(self, queue_url: str, region: str | None) -> None:
        self._queue_url = queue_url
        self._region = region

    def send(self, messages: Iterable[tuple[Reject, Mapping[str, Any]]], give_up_at: float) -> set[str]:
        """Sends each rejected message with the reason as attributes; returns the messageIds that SQS has confirmed.

        What cannot be sent stays with the redrive policy: messages beyond SQS's limits once the attributes are added,
        and all that is left when time.monotonic() reaches `give_up_at`.
        """
        sent: set[str] = set()
        for entries in _calls(messages):
            if time.monotonic() >= give_up_at:
                break
            sent |= self._send(entries)
        return sent

    def _send(self, entries: "dict[str, Entry]") -> set[str]:
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=list(entries.values()))
        except (ClientError, BotoCoreError) as error:
            logger.warning("quarantine failed, the redrive policy will do", extra={"error": type(error).__name__})
            return set()
        confirmed = {success["Id"] for success in answer.get("Successful", [])}
        return {message_id for message_id, entry in entries.items() if entry["Id"] in confirmed}

    @cached_property
    def _sqs(self) -> "SQSClient":
        return boto3.client("sqs", region_name=self._region, config=CLIENT_CONFIG)


def _calls(messages: Iterable[tuple[Reject, Mapping[str, Any]]]) -> "Iterator[dict[str, Entry]]":
    """Entries by messageId, as many in one call as SQS takes."""
    entries: dict[str, Entry] = {}
    size = 0
    for reject, record in messages:
        if reject.message_id in entries:
            continue  # delivered twice in one batch
        try:
            entry = _entry(reject, record)
            entry_size = _size(entry)
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # not of SQS's form: it cannot be sent as it came
        if entry_size > BYTES_A_CALL or len(entry["MessageAttributes"]) > ATTRIBUTES_A_MESSAGE:
            continue
        if len(entries) == MESSAGES_A_CALL or size + entry_size > BYTES_A_CALL:
            yield entries
            entries, size = {}, 0
        entry["Id"] = str(len(entries))
        entries[reject.message_id] = entry
        size += entry_size
    if entries:
        yield entries


def _entry(reject: Reject, record: Mapping[str, Any]) -> "Entry":
    system = record.get("attributes") or {}
    own = {
        "reason": reject.reason.value,
        "field": reject.field,
        "event_id": event_key(record),
        "message_id": reject.message_id,
    }
    attributes = {name: _attribute(value) for name, value in (record.get("messageAttributes") or {}).items()}
    attributes |= {name: _text(text) for name, text in own.items() if text}
    if "sent_timestamp" not in attributes and "SentTimestamp" in system:
        attributes["sent_timestamp"] = _text(str(system["SentTimestamp"]))
    entry: Entry = {"Id": "", "MessageBody": record["body"], "MessageAttributes": attributes}
    if group := system.get("MessageGroupId"):
        entry["MessageGroupId"] = group
    if "MessageDeduplicationId" in system:  # only a FIFO queue's messages have one
        entry["MessageDeduplicationId"] = reject.message_id
    return entry


def _text(text: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": text}


def _attribute(value: Mapping[str, Any]) -> "MessageAttributeValueTypeDef":
    """An attribute as Lambda hands it over, in the form in which SQS takes it."""
    if value.get("binaryValue") is not None:
        return {"DataType": value["dataType"], "BinaryValue": base64.b64decode(value["binaryValue"])}
    return {"DataType": value["dataType"], "StringValue": value["stringValue"]}


def _size(entry: "Entry") -> int:
    """Bytes as SQS counts them: the body, and name, type and value of each attribute."""
    size = len(entry["MessageBody"].encode())
    for name, attribute in entry["MessageAttributes"].items():
        values: Iterable[Any] = attribute.values()
        size += len(name.encode()) + sum(len(value.encode() if isinstance(value, str) else value) for value in values)
    return size
