"""Splits messages into calls to SQS, within SQS's limits."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGES_PER_CALL = 10
ATTRIBUTES_PER_MESSAGE = 10
LARGEST_MESSAGE = 1_048_576  # bytes
BYTES_PER_CALL = 262_144  # AWS accepts 1 MiB, some emulators only this; a larger message is sent alone

Message = TypeVar("Message")


def message_size(body: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """Returns the size in bytes as SQS counts it: the body, and name, type and value of each attribute."""
    size = len(body.encode())
    for name, attribute in attributes.items():
        values = (name, *attribute.values())
        size += sum(len(value.encode() if isinstance(value, str) else value) for value in values)
    return size


def pack(messages: Iterable[Message], size: Callable[[Message], int]) -> Iterator[list[Message]]:
    """Groups messages, in order, into as few calls as SQS's limits allow; `size` returns a message's bytes."""
    call: list[Message] = []
    total = 0
    for message in messages:
        length = size(message)
        if call and (len(call) == MESSAGES_PER_CALL or total + length > BYTES_PER_CALL):
            yield call
            call, total = [], 0
        call.append(message)
        total += length
    if call:
        yield call


def confirmed_ids(answer: Mapping[str, Any]) -> set[str]:
    """Returns the Ids of a batch call that SQS reports as successful, and not also as failed."""
    successful = {entry["Id"] for entry in answer.get("Successful") or ()}
    return successful - {entry["Id"] for entry in answer.get("Failed") or ()}
