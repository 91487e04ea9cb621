"""Finds an event's id and day: from the event itself, else from attributes or envelope, else from SQS."""

import msgspec

from lambda_src.decoding import check_text, find_own_id
from lambda_src.normal_forms import MILLISECONDS_PER_DAY, canonical_uuid, normal_event_id, utc_date
from lambda_src.rejects import Reason, RecordError

LATEST_AHEAD = 2 * MILLISECONDS_PER_DAY  # SQS's attribute: when it received the message
LONGEST_TIMESTAMP = 15  # digits. A number with more of them is later than the year 9999.
PLACEHOLDERS = {"", "null", "none", "undefined", "nan"}
NIL_UUID = "00000000-0000-0000-0000-000000000000"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event as it arrived, before any check."""

    message_id: str
    body: object
    event_id: object  # of the message: its attribute `event_id`, else the envelope's id, else None
    sent_timestamp: object  # of the message, from the same sources: milliseconds since 1970, as text or as a number
    received_at: object  # SQS's own SentTimestamp: milliseconds since 1970, as text
    place: int | None = None  # index of the event, from 0, in a message that holds several events
    fault: tuple[Reason, str | None] | None = None  # why the message could not be unpacked, with the field


def parse_event_id(event: Event, own: str | None) -> str:
    """Returns the UUID of an event; `own` is the id in the event itself. Raises RecordError."""
    return normal_event_id(_check_id(own) if own is not None else _message_key(event))


def event_key(event: Event) -> str:
    """Returns the text that names the event, even if the event is not valid; `parse_event_id` gives its UUID."""
    own = find_own_id(event.body) if event.fault is None else None
    for name, place in ((own, None), (event.event_id, event.place)):
        try:
            return _add_place(_check_id(name), place)
        except RecordError:
            pass  # This id is not usable, so the next one names the event.
    return _add_place(event.message_id, event.place)


def sort_key(event: Event) -> str:
    """Returns the unchecked text by which a batch is sorted. It is the same in every delivery of the event."""
    return event.event_id if isinstance(event.event_id, str) else event.message_id


def parse_create_date(event: Event, own: int | None) -> str:
    """Returns the UTC date of an event as YYYY-MM-DD; `own` is the time in the event itself. Raises RecordError."""
    received_at, sent, field = event.received_at, event.received_at, "SentTimestamp"
    if own is not None or event.sent_timestamp is not None:
        sent, field = event.sent_timestamp if own is None else own, "sent_timestamp"
    milliseconds = _parse_milliseconds(sent, field)
    if field != "SentTimestamp" and received_at is not None:
        latest = _parse_milliseconds(received_at, "SentTimestamp") + LATEST_AHEAD
        if milliseconds > latest:
            raise RecordError(Reason.INVALID_TIMESTAMP, field)
    try:
        return utc_date(milliseconds // MILLISECONDS_PER_DAY)
    except RecordError as error:
        raise RecordError(error.reason, field) from None


def _message_key(event: Event) -> str:
    """Returns the name of an event without its own id: its message's name and its index in the message."""
    return _add_place(event.message_id if event.event_id is None else _check_id(event.event_id), event.place)


def _add_place(key: str, place: int | None) -> str:
    return key if place is None else f"{canonical_uuid(key) or key}/{place}"


def _check_id(text: object) -> str:
    if not isinstance(text, str):
        raise RecordError(Reason.WRONG_TYPE, "event_id")
    check_text(text, "event_id")
    # Producers send these UUIDs when they have no id. Different events would become one.
    if text.strip().lower() in PLACEHOLDERS or canonical_uuid(text) == NIL_UUID:
        raise RecordError(Reason.INVALID_EVENT_ID, "event_id")
    return text


def _parse_milliseconds(value: object, field: str) -> int:
    if type(value) is int and field == "sent_timestamp":  # SQS sends text, not a number.
        if not 0 <= value < 10**LONGEST_TIMESTAMP:
            raise RecordError(Reason.INVALID_TIMESTAMP, field)
        return value
    # int() alone would take signs, spaces, underscores and the digits of other scripts.
    if isinstance(value, str) and value.isdigit() and value.isascii():
        if len(value) > LONGEST_TIMESTAMP:
            raise RecordError(Reason.INVALID_TIMESTAMP, field)
        return int(value)
    if value is None:
        raise RecordError(Reason.MISSING_FIELD, field)
    if isinstance(value, str):
        check_text(value, field)
    raise RecordError(Reason.WRONG_TYPE, field)
