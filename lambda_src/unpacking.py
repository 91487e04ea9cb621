"""Takes events out of messages: opens envelopes, and splits a body that holds several events."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from lambda_src.envelopes import POINTERS, open_envelope
from lambda_src.identity import Event
from lambda_src.json_text import WHITE_SPACE, read_json, split_array
from lambda_src.rejects import Reason, RecordError
from lambda_src.sqs import Message, make_event, read_attribute

# Limits the work of an invocation. Its 6 MB could hold 3 million events of two bytes each, which take too long. A
# message of 1 MiB holds fewer than 10,000 valid events, because a valid event has 105 bytes or more.
MOST_EVENTS = 10_000
BARE = "bare_event"  # the attribute of a message whose body is exactly one event and must not be split

_POINTERS = {f'"{pointer}"' for pointer in POINTERS}


def unpack(messages: Iterable[Message], envelope: str | None) -> Iterator[Event]:
    """Returns the unchecked events of all `messages`; a message that cannot be unpacked is one with a `fault`."""
    for message in messages:
        try:
            yield from unpack_message(message, envelope)
        except MemoryError:
            raise  # the message did not cause this
        except Exception:  # noqa: BLE001  A bug here must not affect other messages, and the error's text may hold a value.
            yield _broken(make_event(message), Reason.UNEXPECTED)


def unpack_message(message: Message, envelope: str | None) -> Sequence[Event]:
    """Returns the events of one message, in order."""
    event = make_event(message)
    if message.get("messageAttributes") and read_attribute(message, BARE) == "true":
        return (event,)
    if envelope is not None:
        try:
            content = open_envelope(event.body, envelope)
        except RecordError as error:
            return (_broken(event, error.reason, error.field),)
        event = msgspec.structs.replace(
            event,
            body=content.event,
            event_id=content.event_id if event.event_id is None else event.event_id,
            sent_timestamp=content.sent_timestamp if event.sent_timestamp is None else event.sent_timestamp,
        )
    body = event.body
    if not isinstance(body, str) or (body[:1] == "{" and "\n" not in body):
        return (event,)
    return _split(event, body.strip(WHITE_SPACE))


def _split(event: Event, body: str) -> Sequence[Event]:
    if body[:1] == "[":
        try:
            parts = split_array(body)
        except ValueError:
            return (_broken(event, Reason.INVALID_JSON),)
        if not parts:
            return (_broken(event, Reason.EMPTY),)
        if parts[0] in _POINTERS:
            return (_broken(event, Reason.ENVELOPED, "extended_client_pointer"),)
    else:
        # splitlines() would also split at characters that are not line ends in JSON lines.
        parts = [line.strip(WHITE_SPACE) for line in body.split("\n")]
        parts = [line for line in parts if line]
        if len(parts) < 2 or _is_json(body):  # noqa: PLR2004  One line is one event.
            return (event,)
    if len(parts) > MOST_EVENTS:
        return (_broken(event, Reason.TOO_LONG),)
    said = (event.event_id, event.sent_timestamp, event.received_at)
    return [Event(event.message_id, part, *said, place) for place, part in enumerate(parts)]


def _is_json(text: str) -> bool:
    try:
        read_json(text)
    except ValueError:
        return False
    return True


def _broken(event: Event, reason: Reason, field: str | None = None) -> Event:
    return msgspec.structs.replace(event, fault=(reason, field))
