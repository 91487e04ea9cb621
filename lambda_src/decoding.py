"""Decodes one message body into a `Body`, or finds the reason to reject it."""

import json
import re
from typing import Any, NoReturn

import msgspec

from lambda_src.contract import FIELDS, Body
from lambda_src.fields import Field
from lambda_src.rejects import Reason, RecordError

LONGEST_INTEGER = 20  # characters: a longer one does not fit Postgres's integer, whatever it is

_decode = msgspec.json.Decoder(Body).decode
_find_unstorable = re.compile("[\0\ud800-\udfff]").search  # Postgres stores neither NUL nor a lone surrogate


def decode_body(text: object) -> tuple[Body, int]:
    """The body that `text` is, and how many unknown fields it has; raises RecordError.

    Both ways below accept the same texts and give the same body: what the fast one refuses goes to the careful one.
    Without a backslash in the text, no value can hold NUL, a control character, a lone surrogate or a backslash: JSON
    has no other way to write them. So `_decode` alone decides then, and COPY needs no escapes for the row.
    """
    if isinstance(text, str) and "\\" not in text:
        try:
            return _decode(text), 0
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            pass  # The careful way finds the reason, or that there are only unknown fields.
    return _decode_carefully(text)


def check_text(text: str, field: str) -> str:
    """`text`, if Postgres can store it; raises RecordError naming `field` otherwise."""
    if _find_unstorable(text):
        raise RecordError(Reason.INVALID_TEXT, field)
    return text


def _decode_carefully(text: object) -> tuple[Body, int]:
    if not isinstance(text, str):
        raise RecordError(Reason.INVALID_JSON)
    try:
        values = json.loads(text, parse_int=_parse_integer, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise RecordError(Reason.INVALID_JSON) from None
    if not isinstance(values, dict):
        raise RecordError(Reason.NOT_AN_OBJECT)
    known = {name: _check_value(field, values) for name, field in FIELDS.items() if name in values or field.required}
    return Body(**known), len(values.keys() - FIELDS.keys())


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


def _parse_integer(text: str) -> int:
    # Python refuses to read integers of thousands of digits. All that matters of those is that they are too large.
    return int(text[:LONGEST_INTEGER])


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are Python's, not JSON's.
