"""Turns one event into a valid login in normal form. Pure: the result depends on this event alone."""

import msgspec

from lambda_src.contract import FIELDS, Body
from lambda_src.decoding import check_text, decode_body
from lambda_src.normal_forms import MILLISECONDS_PER_DAY, check_integer, normal_event_id, utc_date
from lambda_src.rejects import Reason, RecordError, Reject

LATEST_AHEAD = 2 * MILLISECONDS_PER_DAY  # of the time at which SQS received the message
LONGEST_TIMESTAMP = 15  # digits. A number with more of them is later than the year 9999.
PLACEHOLDERS = {"", "null", "none", "undefined", "nan"}
NIL_UUID = "00000000-0000-0000-0000-000000000000"

# What msgspec does not check: field, function that raises RecordError, whether its result replaces the value.
_CHECKS = tuple(
    (field.name, check, check is field.normal)
    for field in FIELDS.values()
    for check in (field.normal, field.code, check_integer if field.kind is int else None)
    if check is not None
)


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event as it arrived, before any check. The attributes are None where the message has none."""

    message_id: str
    body: object
    event_id: object  # attribute `event_id`
    sent_timestamp: object  # attribute `sent_timestamp`: milliseconds since 1970, as text
    received_at: object  # SQS's own SentTimestamp: milliseconds since 1970, as text


class Login(msgspec.Struct, frozen=True, gc=False):
    """A valid event. `body` is in normal form and holds personal data: never log it.

    `event_id` and `create_date` together are the key of a row. The same id on two days is two logins.
    """

    message_id: str
    event_id: str  # canonical UUID
    create_date: str  # YYYY-MM-DD, UTC
    body: Body
    has_backslash: bool  # in the body as sent: only then can a value need escapes for COPY
    unknown_fields: int


def parse_event(event: Event) -> Login:
    """Checks an event against the contract and brings it into normal form; raises RecordError."""
    event_id = normal_event_id(event.message_id) if event.event_id is None else _parse_event_id(event.event_id)
    create_date = _parse_create_date(event)
    body, unknown_fields = decode_body(event.body)
    for name, check, replaces in _CHECKS:
        value = getattr(body, name)
        if value is None:
            continue
        try:
            checked = check(value)
        except RecordError as error:
            raise RecordError(error.reason, name) from None
        if replaces and checked is not value:
            setattr(body, name, checked)
    return Login(event.message_id, event_id, create_date, body, "\\" in str(event.body), unknown_fields)


def sort_key(event: Event) -> str:
    """The text that a batch is sorted by, unchecked. It is the same in every delivery of the event."""
    return event.event_id if isinstance(event.event_id, str) else event.message_id


def event_key(event: Event) -> str:
    """The text that names the event: its attribute `event_id` where that can be an id, else the messageId."""
    if event.event_id is None:
        return event.message_id
    try:
        _parse_event_id(event.event_id)
    except RecordError:
        return event.message_id
    return str(event.event_id)


def make_reject(event: Event, reason: Reason, field: str | None) -> Reject:
    """The reject that `event` becomes."""
    return Reject(event.message_id, normal_event_id(event_key(event)), reason, field)


def _parse_event_id(text: object) -> str:
    if not isinstance(text, str):
        raise RecordError(Reason.WRONG_TYPE, "event_id")
    event_id = normal_event_id(check_text(text, "event_id"))
    # Producers send these when they have no id: different events would become one.
    if event_id == NIL_UUID or text.strip().lower() in PLACEHOLDERS:
        raise RecordError(Reason.INVALID_EVENT_ID, "event_id")
    return event_id


def _parse_create_date(event: Event) -> str:
    received_at, sent, field = event.received_at, event.received_at, "SentTimestamp"
    if event.sent_timestamp is not None:
        sent, field = event.sent_timestamp, "sent_timestamp"
    milliseconds = _parse_milliseconds(sent, field)
    if sent is not received_at and received_at is not None:
        latest = _parse_milliseconds(received_at, "SentTimestamp") + LATEST_AHEAD
        if milliseconds > latest:
            raise RecordError(Reason.INVALID_TIMESTAMP, field)
    try:
        return utc_date(milliseconds // MILLISECONDS_PER_DAY)
    except RecordError as error:
        raise RecordError(error.reason, field) from None


def _parse_milliseconds(text: object, field: str) -> int:
    # int() alone would take signs, spaces, underscores and the digits of other scripts.
    if isinstance(text, str) and text.isdigit() and text.isascii():
        if len(text) > LONGEST_TIMESTAMP:
            raise RecordError(Reason.INVALID_TIMESTAMP, field)
        return int(text)
    if text is None:
        raise RecordError(Reason.MISSING_FIELD, field)
    if isinstance(text, str):
        check_text(text, field)
    raise RecordError(Reason.WRONG_TYPE, field)
