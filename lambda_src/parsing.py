"""Turns one event into a valid login in normal form. Pure: the result depends on this event alone."""

import msgspec

from lambda_src.contract import FIELDS, Body
from lambda_src.decoding import decode_body
from lambda_src.envelopes import detect_envelope
from lambda_src.identity import Event, event_key, parse_create_date, parse_event_id
from lambda_src.normal_forms import check_integer, normal_event_id
from lambda_src.rejects import Reason, RecordError, Reject

# The checks that msgspec does not make: field, function that raises RecordError, whether its result replaces the value.
_CHECKS = tuple(
    (field.name, check, check is field.normal)
    for field in FIELDS.values()
    for check in (field.normal, field.code, check_integer if field.kind is int else None)
    if check is not None
)


class Login(msgspec.Struct, frozen=True, gc=False):
    """A valid event. `body` is in normal form and holds personal data: never log it.

    `event_id` and `create_date` together are the key of a row. The same id on two days is two logins.
    """

    message_id: str
    event_id: str  # canonical UUID
    create_date: str  # YYYY-MM-DD, UTC
    body: Body
    has_backslash: bool  # whether the body as sent has a backslash: only then can a value need escapes for COPY
    unknown_fields: int
    place: int | None = None  # index of the event in a message that holds several events


def parse_event(event: Event) -> Login:
    """Checks an event against the contract and converts it to normal form; raises RecordError."""
    if event.fault is not None:
        raise RecordError(*event.fault)
    try:
        body, unknown_fields = decode_body(event.body)
    except RecordError:
        if kind := detect_envelope(event.body):
            raise RecordError(Reason.ENVELOPED, kind) from None
        raise
    event_id = parse_event_id(event, body.event_id)
    create_date = parse_create_date(event, body.sent_timestamp)
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
    has_backslash = "\\" in str(event.body)
    return Login(event.message_id, event_id, create_date, body, has_backslash, unknown_fields, event.place)


def make_reject(event: Event, reason: Reason, field: str | None) -> Reject:
    """Returns the reject of `event`."""
    return Reject(event.message_id, normal_event_id(event_key(event)), reason, field, event.place)
