"""Sends rejected messages to the dead-letter queue itself, so that they are not delivered again and again.

Only infrastructure failures count towards maxReceiveCount then.
"""

import base64
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from lambda_src.parsing import event_key
from lambda_src.rejects import Reject
from lambda_src.sqs import Message, make_event
from lambda_src.sqs_batches import ATTRIBUTES_PER_MESSAGE, LARGEST_MESSAGE, message_size, pack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageBatchRequestEntryTypeDef

    Entry = SendMessageBatchRequestEntryTypeDef

# One attempt per call. A message that was not confirmed comes back with its queue's next delivery.
CONNECT_SECONDS, READ_SECONDS = 1, 2
CLIENT_CONFIG = Config(
    connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"mode": "standard", "total_max_attempts": 1}
)

logger = logging.getLogger(__name__)


class Quarantine:
    """The dead-letter queue, as the function itself writes to it."""

    def __init__(self, queue_url: str, region: str | None) -> None:
        self._queue_url = queue_url
        self._region = region

    def send(self, rejects: Iterable[Reject], messages: Iterable[Message], give_up_at: float) -> set[str]:
        """Sends the message of each reject, with the reason as attributes; returns the messageIds that SQS confirmed.

        Stops when time.monotonic() leaves too little time for a call before `give_up_at`, and after the first call that
        fails as a whole. Messages that exceed SQS's limits once the attributes are added are not sent. Whatever is not
        confirmed is left to the redrive policy of the queue.
        """
        confirmed: set[str] = set()
        for call in pack(_make_entries(rejects, messages), itemgetter(2)):
            if time.monotonic() + CONNECT_SECONDS + READ_SECONDS > give_up_at:
                logger.warning("quarantine has no time left, the rest stays in the queue")
                break
            entries: list[Entry] = [{**entry, "Id": str(number)} for number, (_, entry, _) in enumerate(call)]
            try:
                answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
                successful = {success["Id"] for success in answer.get("Successful") or []}
                failed = {failure["Id"] for failure in answer.get("Failed") or []}
                # Only the very ids that were sent count, and not those that SQS calls failed, too.
                confirmed |= {call[int(entry["Id"])][0] for entry in entries if entry["Id"] in successful - failed}
            except Exception as error:  # noqa: BLE001  The rows are written: nothing here may fail the invocation.
                logger.warning("quarantine failed, the rest stays in the queue", extra={"error": type(error).__name__})
                break
        return confirmed

    @cached_property
    def _sqs(self) -> "SQSClient":
        return boto3.client("sqs", region_name=self._region, config=CLIENT_CONFIG)


def _make_entries(rejects: Iterable[Reject], messages: Iterable[Message]) -> "Iterator[tuple[str, Entry, int]]":
    """MessageId, entry and size in bytes of each message that can be sent, once each."""
    by_id = {message["messageId"]: message for message in messages}
    for reject in {reject.message_id: reject for reject in rejects}.values():
        try:
            entry = _make_entry(reject, by_id[reject.message_id])
            size = message_size(entry["MessageBody"], entry["MessageAttributes"])
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # not in SQS's form, so it cannot be sent as it came
        if size <= LARGEST_MESSAGE and len(entry["MessageAttributes"]) <= ATTRIBUTES_PER_MESSAGE:
            yield reject.message_id, entry, size


def _make_entry(reject: Reject, message: Message) -> "Entry":
    system = message.get("attributes") or {}
    own = {
        "reason": reject.reason.value,
        "field": reject.field,
        "event_id": event_key(make_event(message)),
        "message_id": reject.message_id,
    }
    attributes = {name: _copy_attribute(value) for name, value in (message.get("messageAttributes") or {}).items()}
    if attributes.keys() >= {"reason", "message_id"}:
        attributes.pop("field", None)  # SQS's own redrive keeps the notes of an earlier reject.
    attributes |= {name: _text(text) for name, text in own.items() if text}
    if "sent_timestamp" not in attributes and "SentTimestamp" in system:
        attributes["sent_timestamp"] = _text(str(system["SentTimestamp"]))
    entry: Entry = {"Id": "", "MessageBody": message["body"], "MessageAttributes": attributes}
    if group := system.get("MessageGroupId"):
        entry["MessageGroupId"] = group
    if "MessageDeduplicationId" in system:  # only messages of a FIFO queue have one
        entry["MessageDeduplicationId"] = reject.message_id
    return entry


def _text(text: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": text}


def _copy_attribute(value: Mapping[str, Any]) -> "MessageAttributeValueTypeDef":
    """An attribute as Lambda hands it over, in the form that SQS accepts."""
    if value.get("binaryValue") is not None:
        return {"DataType": value["dataType"], "BinaryValue": base64.b64decode(value["binaryValue"])}
    return {"DataType": value["dataType"], "StringValue": value["stringValue"]}
