"""Opens the envelopes that other services put around an event: SNS, EventBridge and CloudEvents."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lambda_src.json_text import read_json, split_object
from lambda_src.rejects import Reason, RecordError

# Advice for an operator who looks at a rejected envelope.
_SET = "Set ENVELOPE={0} (context key `envelope`)."
HINTS = {
    "sns": "The body is an SNS notification. " + _SET.format("sns") + " Or switch raw message delivery on.",
    "eventbridge": "The body is an EventBridge event. " + _SET.format("eventbridge"),
    "cloudevents": "The body is a CloudEvent. " + _SET.format("cloudevents"),
    "s3_notification": "The body is an S3 notification, not a login event. Remove this queue from the bucket's.",
    "extended_client_pointer": "The body lies in S3: SQS's extended client has put a pointer into the queue. Send "
    "events directly: SQS takes 1 MiB.",
}
# Extended clients write [<this text>, {"s3BucketName": …, "s3Key": …}].
POINTERS = {"software.amazon.payloadoffloading.PayloadS3Pointer", "com.amazon.sqs.javamessaging.MessageS3Pointer"}
# An object that has all these names is certainly that envelope.
SIGNS = {
    "sns": {"Type", "MessageId", "TopicArn"},
    "eventbridge": {"detail", "detail-type", "source"},
    "cloudevents": {"specversion", "id", "source", "type"},
}

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)


class Content(NamedTuple):
    """The content of an envelope, with its id and time. `event_id` and `sent_timestamp` are unchecked."""

    event: str  # the exact text
    event_id: object
    sent_timestamp: object  # milliseconds since 1970, as a number or as text


def open_envelope(text: object, kind: str) -> Content:
    """Opens an envelope; `kind` is a key of OPENERS. Raises RecordError if `text` is not such an envelope."""
    try:
        parts = split_object(text) if isinstance(text, str) else None
    except ValueError:
        parts = None
    if parts is None:
        raise RecordError(Reason.INVALID_ENVELOPE)
    return OPENERS[kind](parts)


def detect_envelope(text: object) -> str | None:
    """Returns the kind of envelope that `text` certainly is, a key of HINTS; None if that is not certain."""
    try:
        value = read_json(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if isinstance(value, list):
        return "extended_client_pointer" if value and isinstance(value[0], str) and value[0] in POINTERS else None
    if not isinstance(value, dict):
        return None
    for kind, names in SIGNS.items():
        if names <= value.keys():
            return kind
    return "s3_notification" if _is_of_s3(value) else None


def said_by_envelope(text: object) -> set[str]:
    """Returns which of `event_id` and `sent_timestamp` the envelope holds; a redrive need not add those."""
    kind = detect_envelope(text)
    if kind not in OPENERS:
        return set()
    try:
        content = open_envelope(text, kind)
    except RecordError:
        return set()
    said = {"event_id": content.event_id, "sent_timestamp": content.sent_timestamp}
    return {name for name, value in said.items() if value is not None}


def _is_of_s3(value: dict[str, Any]) -> bool:
    records = value.get("Records")
    first = records[0] if isinstance(records, list) and records else None
    return value.get("Event") == "s3:TestEvent" or (isinstance(first, dict) and first.get("eventSource") == "aws:s3")


def _open_sns(parts: Mapping[str, str]) -> Content:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html."""
    if _text(parts, "Type") != "Notification":
        raise RecordError(Reason.INVALID_ENVELOPE, "Type")
    attributes = read_json(parts.get("MessageAttributes", "{}"))
    event_id, sent = _text(parts, "MessageId"), _milliseconds(parts, "Timestamp")
    return Content(
        _text(parts, "Message"),
        _sns_attribute(attributes, "event_id", event_id),
        _sns_attribute(attributes, "sent_timestamp", sent),
    )


def _sns_attribute(attributes: object, name: str, default: object) -> object:
    attribute = attributes.get(name) if isinstance(attributes, dict) else None
    return attribute.get("Value", default) if isinstance(attribute, dict) else default


def _open_eventbridge(parts: Mapping[str, str]) -> Content:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html."""
    _text(parts, "detail-type")
    return Content(_json(parts, "detail"), _text(parts, "id"), _milliseconds(parts, "time"))


def _open_cloudevents(parts: Mapping[str, str]) -> Content:
    """https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md (structured mode)."""
    for name in ("specversion", "type"):
        _text(parts, name)
    key = f"{_text(parts, 'source')} {_text(parts, 'id')}"  # An id of CloudEvents is unique only within its source.
    return Content(_json(parts, "data"), key, _milliseconds(parts, "time") if "time" in parts else None)


OPENERS: dict[str, Callable[[Mapping[str, str]], Content]] = {
    "sns": _open_sns,
    "eventbridge": _open_eventbridge,
    "cloudevents": _open_cloudevents,
}


def _json(parts: Mapping[str, str], name: str) -> str:
    if name not in parts:
        raise RecordError(Reason.INVALID_ENVELOPE, name)
    return parts[name]


def _text(parts: Mapping[str, str], name: str) -> str:
    value = read_json(_json(parts, name))
    if not isinstance(value, str):
        raise RecordError(Reason.INVALID_ENVELOPE, name)
    return value


def _milliseconds(parts: Mapping[str, str], name: str) -> int:
    """Converts a time from RFC 3339 to milliseconds since 1970."""
    try:
        time = datetime.datetime.fromisoformat(_text(parts, name).upper())
    except ValueError:
        raise RecordError(Reason.INVALID_ENVELOPE, name) from None
    if time.tzinfo is None:
        raise RecordError(Reason.INVALID_ENVELOPE, name)
    return (time - _EPOCH) // _MILLISECOND
