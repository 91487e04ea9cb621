"""Makes the dead letter of a reject."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambda_src.envelopes import said_by_envelope
from lambda_src.identity import Event, event_key
from lambda_src.rejects import Reject
from lambda_src.sqs import Message
from lambda_src.unpacking import BARE

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageBatchRequestEntryTypeDef

    Entry = SendMessageBatchRequestEntryTypeDef


def make_letter(reject: Reject, event: Event, message: Message) -> "Entry":
    """Returns the dead letter of a reject, as an entry of SendMessageBatch without `Id`.

    `event` of `message` was rejected. The body is the event's exact text, or the message's body if that could not be
    unpacked. The message's attributes stay. Added are the reason, the field, the messageId, and the attributes that
    keep the event's identity in a redrive. Raises AttributeError, KeyError, TypeError or ValueError for a message that
    is not in SQS's form.
    """
    attributes = {name: _copy_attribute(value) for name, value in (message.get("messageAttributes") or {}).items()}
    if attributes.keys() >= {"reason", "message_id"}:
        attributes.pop("field", None)  # SQS's own redrive keeps the attributes that an earlier reject added.
    own = {"reason": reject.reason.value, "field": reject.field, "message_id": reject.message_id}
    if event.fault is None:
        own[BARE] = "true"
    sent = event.received_at if event.sent_timestamp is None else event.sent_timestamp
    if isinstance(sent, str | int) and "sent_timestamp" not in attributes:
        own["sent_timestamp"] = str(sent)
    own["event_id"] = event_key(event)
    if event.fault is not None:  # After a redrive, the message arrives in its envelope again.
        for name in said_by_envelope(message["body"]) - attributes.keys():
            own.pop(name, None)
    attributes |= {name: _text(text) for name, text in own.items() if text}
    body = message["body"] if event.fault is not None else event.body
    entry: Entry = {"Id": "", "MessageBody": body, "MessageAttributes": attributes}  # type: ignore[typeddict-item]
    system = message.get("attributes") or {}
    if group := system.get("MessageGroupId"):
        entry["MessageGroupId"] = group
    if "MessageDeduplicationId" in system:  # FIFO queues only
        entry["MessageDeduplicationId"] = reject.event_id
    return entry


def _text(text: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": text}


def _copy_attribute(value: Mapping[str, Any]) -> "MessageAttributeValueTypeDef":
    """Converts an attribute from Lambda's form to the form that SQS accepts."""
    if value.get("binaryValue") is not None:
        return {"DataType": value["dataType"], "BinaryValue": base64.b64decode(value["binaryValue"])}
    return {"DataType": value["dataType"], "StringValue": value["stringValue"]}
