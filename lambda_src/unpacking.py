"""The events of a message: without their envelope, and one by one where a body holds several."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from lambda_src.envelopes import POINTERS, open_envelope
from lambda_src.identity import Event
from lambda_src.json_text import WHITE_SPACE, read_json, split_array
from lambda_src.rejects import Reason, RecordError
from lambda_src.sqs import Message, make_event, read_attribute

# An invocation holds 6 MB: some 27,000 events as producers send them, but 3 million of two bytes each, which would
# outlast its time. 10,000 is what SQS allows for messages, and 1 MiB holds fewer valid events of 105 bytes or more.
MOST_EVENTS = 10_000
BARE = "bare_event"  # the attribute of a message whose body is one event, whatever it looks like

_POINTERS = {f'"{pointer}"' for pointer in POINTERS}


def unpack(messages: Iterable[Message], envelope: str | None) -> Iterator[Event]:
    """The events of all `messages`, unchecked; a message that cannot be unpacked is one event with a `fault`."""
    for message in messages:
        try:
            yield from unpack_message(message, envelope)
        except MemoryError:
            raise  # not the message's fault
        except Exception:  # noqa: BLE001  A fault of ours must not harm other messages, and its text may hold a value.
            yield _broken(make_event(message), Reason.UNEXPECTED)


def unpack_message(message: Message, envelope: str | None) -> Sequence[Event]:
    """The events of one message, in their order."""
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
        # Not splitlines(): it knows more ends of line than JSON lines do.
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
