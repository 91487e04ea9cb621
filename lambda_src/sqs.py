"""Reads SQS's event as Lambda hands it over, and makes the partial batch response."""

from collections.abc import Container
from typing import TYPE_CHECKING, Any

from lambda_src.errors import EventError
from lambda_src.identity import Event

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse

Message = dict[str, Any]  # an element of `Records`

_MALFORMED = object()  # stands for an attribute in a form that SQS does not send


def take_messages(event: dict[str, Any]) -> list[Message]:
    """Returns the messages of a batch; raises EventError when Lambda's event is not a batch of SQS messages."""
    try:
        messages: list[Message] = event["Records"]
        message_ids = [message["messageId"] for message in messages]
        text = "".join(message_ids)
    except (KeyError, TypeError):
        messages, message_ids, text = [], [""], ""
    if not (isinstance(messages, list) and all(message_ids) and text.isascii() and text.isprintable()):
        raise EventError(
            "This is not a batch of SQS messages: `Records` with a `messageId` each. Only an SQS event source mapping "
            "may invoke this function. Remove the other trigger."
        )
    return messages


def make_event(message: Message) -> Event:
    """Returns the message as one event, unchecked and with its envelope."""
    attributes = message.get("messageAttributes")
    system = message.get("attributes")
    return Event(
        message["messageId"],
        message.get("body"),
        read_attribute(message, "event_id") if attributes else None,
        read_attribute(message, "sent_timestamp") if attributes else None,
        system.get("SentTimestamp") if isinstance(system, dict) else None,
    )


def source_arn(messages: list[Message]) -> object:
    """Returns the unchecked ARN of the batch's queue; None if the event does not name it."""
    return messages[0].get("eventSourceARN") if messages else None


def is_same_queue(url: str, arn: object) -> bool:
    """Returns whether a queue's URL and an ARN name the same queue."""
    parts = arn.split(":") if isinstance(arn, str) else []
    if len(parts) != len(("arn", "aws", "sqs", "region", "account", "name")):
        return False
    region, account, name = parts[3:]
    host, _, path = url.partition("://")[2].rstrip("/").partition("/")
    # The queue URLs of emulators name no region.
    return f"/{path}".endswith(f"/{account}/{name}") and (region in host or "amazonaws" not in host)


def partial_batch_response(messages: list[Message], failed: Container[str]) -> "PartialItemFailureResponse":
    """Returns the partial batch response: Lambda keeps the `failed` messageIds in the queue and deletes the others.

    A wrong or empty id would return the whole batch:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    message_ids = [message["messageId"] for message in messages]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in message_ids if each in failed]}


def read_attribute(message: Message, name: str) -> object:
    """Returns the text of a message attribute; None if the message lacks it, a non-text object if it is malformed."""
    attributes = message["messageAttributes"]
    try:
        if name not in attributes:
            return None
        text = attributes[name]["stringValue"]
    except (KeyError, TypeError):
        return _MALFORMED
    return text if isinstance(text, str) else _MALFORMED
