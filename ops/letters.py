"""A dead letter: its event, the reason for the reject, and the copy that a redrive sends to the queue."""

import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lambda_src.envelopes import said_by_envelope
from lambda_src.identity import event_key
from lambda_src.normal_forms import normal_event_id
from lambda_src.rejects import Reason
from lambda_src.sqs import make_event
from lambda_src.sqs_batches import ATTRIBUTES_PER_MESSAGE
from lambda_src.unpacking import BARE
from ops.queues import Outgoing
from ops.sqs_event import make_record

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import (
        MessageAttributeValueOutputTypeDef,
        MessageAttributeValueTypeDef,
        MessageTypeDef,
    )

OWN_ATTRIBUTES = ("event_id", "sent_timestamp", BARE)  # of a copy; the others have to fit beside them
NOTES = ("reason", "field", "message_id")  # attributes that the function adds to a dead letter


class Letter:
    """A message in the dead-letter queue."""

    def __init__(self, message: "MessageTypeDef", queue_arn: str) -> None:
        self.message = message
        self.record = make_record(message, queue_arn)
        self.event_key = event_key(make_event(self.record))
        self.event_id = normal_event_id(self.event_key)

    @property
    def message_id(self) -> str:
        """The messageId that it has in the dead-letter queue."""
        return self.message["MessageId"]

    @property
    def first_message_id(self) -> str:
        """The messageId that it had in the queue."""
        return self._note("message_id") or self.message_id

    @property
    def reason(self) -> str | None:
        """The reason that the function added; None if SQS itself moved the message."""
        return self._note("reason")

    @property
    def field(self) -> str | None:
        """The field that caused the reject, as the function added it."""
        return self._note("field")

    @property
    def sent_timestamp(self) -> str:
        """When the queue first received the event, in milliseconds."""
        return _text(self.message, "sent_timestamp") or self.record["attributes"]["SentTimestamp"]

    @property
    def sent_seconds(self) -> float:
        """The same in seconds since 1970; the current time if a producer wrote something else."""
        try:
            seconds = int(self.sent_timestamp) / 1000
            time.gmtime(seconds)
        except (ValueError, OverflowError, OSError):
            return time.time()
        return seconds

    @property
    def receive_count(self) -> int:
        """How often it was received; each listing increments it."""
        return int(self.record["attributes"].get("ApproximateReceiveCount", 0))

    @cached_property
    def user_id(self) -> str | None:
        """The user id in its body, if it can be found."""
        try:
            body = json.loads(self.message["Body"])
        except (ValueError, RecursionError):
            return None
        return body.get("user_id") if isinstance(body, dict) else None

    def copy(self, *, to_fifo: bool) -> tuple[Outgoing, int]:
        """Returns the message that is the same event in the queue, and the number of attributes that were dropped.

        SQS accepts ten attributes. The ones that keep the event's identity come first; the pipeline reads no others. An
        id or time that the message's envelope holds is not added.
        """
        notes = NOTES if self._is_noted else ()
        others = {
            name: _outgoing(value)
            for name, value in sorted(self.message.get("MessageAttributes", {}).items())
            if name not in (*OWN_ATTRIBUTES, *notes)
        }
        own = {"event_id": self.event_key, "sent_timestamp": self.sent_timestamp}
        if _text(self.message, BARE) == "true":
            own[BARE] = "true"
        else:
            for name in said_by_envelope(self.message["Body"]) - self.message.get("MessageAttributes", {}).keys():
                del own[name]
        kept = dict(list(others.items())[: ATTRIBUTES_PER_MESSAGE - len(own)])
        attributes = {**kept, **{name: _string(text) for name, text in own.items()}}
        copy: Outgoing = {"MessageBody": self.message["Body"], "MessageAttributes": attributes}
        if to_fifo:
            copy["MessageGroupId"] = self.record["attributes"].get("MessageGroupId", self.event_id)
            copy["MessageDeduplicationId"] = self.message_id
        return copy, len(others) - len(kept)

    def _note(self, name: str) -> str | None:
        return _text(self.message, name) if self._is_noted else None

    @cached_property
    def _is_noted(self) -> bool:
        # A producer may use names such as `reason` for its own data.
        return _text(self.message, "message_id") is not None and _text(self.message, "reason") in set(Reason)


@dataclass(frozen=True)
class Filter:
    """Selects the dead letters of a command; selects all if nothing is given."""

    reasons: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()  # of messages or events
    user_id: str | None = None

    def takes(self, letter: Letter, reason: str | None) -> bool:
        """Returns whether the selection includes `letter`, whose reason is `reason`."""
        names = {letter.message_id, letter.first_message_id, letter.event_key, letter.event_id}
        return (
            (not self.reasons or (reason or "unknown") in self.reasons)
            and (not self.ids or not self.ids.isdisjoint(names))
            and (self.user_id is None or letter.user_id == self.user_id)
        )


def _text(message: "MessageTypeDef", name: str) -> str | None:
    attributes = message.get("MessageAttributes", {})
    return attributes[name].get("StringValue") if name in attributes else None


def _outgoing(value: "MessageAttributeValueOutputTypeDef") -> "MessageAttributeValueTypeDef":
    return {key: value[key] for key in ("DataType", "StringValue", "BinaryValue") if key in value}  # type: ignore


def _string(text: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": text}
