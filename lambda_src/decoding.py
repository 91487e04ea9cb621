"""Decodes one message body into a `Body`, or finds the reason to reject it."""

import re
from typing import Any

import msgspec

from lambda_src.contract import FIELDS, Body
from lambda_src.fields import Field
from lambda_src.json_text import read_json
from lambda_src.rejects import Reason, RecordError


class Decoded(Body, gc=False, kw_only=True, forbid_unknown_fields=True):
    """A body that may also carry the event's own id and time, beside the fields of the contract."""

    event_id: str | None = None
    sent_timestamp: int | None = None  # milliseconds since 1970


OWN = {"event_id": str, "sent_timestamp": int}

_decode = msgspec.json.Decoder(Decoded).decode
_find_unstorable = re.compile("[\0\ud800-\udfff]").search  # Postgres stores neither NUL nor a lone surrogate


def decode_body(text: object) -> tuple[Decoded, int]:
    """Decodes `text`; returns the body and the number of unknown fields. Raises RecordError.

    The fast decoder and the careful one accept the same texts and give the same body. What the fast one refuses goes
    to the careful one. JSON writes NUL, control characters, lone surrogates and backslashes with a backslash only. A
    text without a backslash therefore holds none of them: `_decode` is enough, and COPY needs no escapes for the row.
    """
    if isinstance(text, str) and "\\" not in text:
        try:
            return _decode(text), 0
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            pass  # The careful decoder finds the reason, or accepts the text because it only has unknown fields.
    return _decode_carefully(text)


def check_text(text: str, field: str) -> str:
    """Returns `text` if Postgres can store it; otherwise raises RecordError, which names `field`."""
    if _find_unstorable(text):
        raise RecordError(Reason.INVALID_TEXT, field)
    return text


def find_own_id(text: object) -> object:
    """Returns the `event_id` of an event that is not valid; None if it has none."""
    try:
        values = read_json(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return values.get("event_id") if isinstance(values, dict) else None


def _decode_carefully(text: object) -> tuple[Decoded, int]:
    if not isinstance(text, str):
        raise RecordError(Reason.INVALID_JSON)
    try:
        values = read_json(text)
    except ValueError:
        raise RecordError(Reason.INVALID_JSON) from None
    if not isinstance(values, dict):
        raise RecordError(Reason.NOT_AN_OBJECT)
    own = {name: values[name] for name in OWN if values.get(name) is not None}
    for name, value in own.items():
        if type(value) is not OWN[name]:
            raise RecordError(Reason.WRONG_TYPE, name)
    known = {name: _check_value(field, values) for name, field in FIELDS.items() if name in values or field.required}
    return Decoded(**known, **own), len(values.keys() - FIELDS.keys() - OWN.keys())


def _check_value(field: Field, values: dict[str, Any]) -> Any:  # noqa: ANN401  str, int, bool or None
    if field.name not in values:
        raise RecordError(Reason.MISSING_FIELD, field.name)
    value = values[field.name]
    if value is None and not field.required:
        return None
    if type(value) is not field.kind:  # not isinstance: Python's bool is an int, JSON's is not
        raise RecordError(Reason.WRONG_TYPE, field.name)
    if isinstance(value, str):
        check_text(value, field.name)
        if len(value) < field.smallest:
            raise RecordError(Reason.EMPTY, field.name)
        if len(value) > field.largest:
            raise RecordError(Reason.TOO_LONG, field.name)
    elif isinstance(value, int) and not field.smallest <= value <= field.largest:
        raise RecordError(Reason.OUT_OF_RANGE, field.name)
    return value
