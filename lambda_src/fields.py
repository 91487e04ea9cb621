"""Reads the table of fields: each line of a msgspec.Struct declares column, limits and masking of one field."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from lambda_src.normal_forms import LARGEST_INTEGER

KINDS = {msgspec.inspect.StrType: str, msgspec.inspect.IntType: int, msgspec.inspect.BoolType: bool}
EXTRA_KEYS = {"masked", "normal", "code"}


class Field(NamedTuple):
    """One field of the event. Lengths are in characters; for integers, the limits are those of the value."""

    name: str
    kind: type  # str, int or bool
    required: bool
    smallest: float
    largest: float
    masked: bool
    normal: Callable[[Any], Any] | None  # the value's normal form; raises RecordError
    code: Callable[[str], int] | None  # the number that the column `name` stores; the text goes to `name`_name

    @property
    def text_column(self) -> str | None:
        """Returns the name of the column that stores the text as sent; None if no column does."""
        if self.kind is not str or self.masked:
            return None
        return self.name if self.code is None else f"{self.name}_name"

    @property
    def number_type(self) -> str | None:
        """Returns the SQL type of the column `name`; None for text."""
        if self.kind is bool:
            return "boolean"
        return "integer" if self.kind is int or self.code is not None else None


def read_fields(table: type[msgspec.Struct]) -> dict[str, Field]:
    """Returns the fields that `table` declares, by name; raises TypeError for an unsupported declaration."""
    return {field.name: _read_field(field) for field in msgspec.structs.fields(table)}


def _read_field(field: msgspec.structs.FieldInfo) -> Field:
    extra: dict[str, Any] = {}
    kinds = _flatten(msgspec.inspect.type_info(field.type), extra)
    nullable = any(isinstance(kind, msgspec.inspect.NoneType) for kind in kinds)
    kinds = [kind for kind in kinds if not isinstance(kind, msgspec.inspect.NoneType)]
    if len(kinds) != 1 or type(kinds[0]) not in KINDS:
        raise TypeError(f"Field {field.name}: declare it as str, int or bool, optional ones with `| None = None`.")
    (kind,) = kinds
    if field.encode_name != field.name:
        raise TypeError(f"Field {field.name}: it has one name, in the message and here.")
    if nullable == field.required or not (field.required or field.default is None):
        raise TypeError(f"Field {field.name}: an optional field needs both `| None` and the default None.")
    if unknown := extra.keys() - EXTRA_KEYS:
        raise TypeError(f"Field {field.name}: extra knows {sorted(EXTRA_KEYS)}, not {sorted(unknown)}.")
    if not isinstance(kind, msgspec.inspect.StrType) and ("masked" in extra or "code" in extra):
        raise TypeError(f"Field {field.name}: only text can be masked or stored as a code.")
    if extra.get("masked") and "code" in extra:
        raise TypeError(f"Field {field.name}: a masked field is stored as its pseudonym only, so it has no code.")
    smallest, largest = _limits(field.name, kind)
    return Field(
        field.name,
        KINDS[type(kind)],
        field.required,
        smallest,
        largest,
        bool(extra.get("masked")),
        extra.get("normal"),
        extra.get("code"),
    )


def _flatten(kind: msgspec.inspect.Type, extra: dict[str, Any]) -> list[msgspec.inspect.Type]:
    """Returns the plain types inside `kind`; adds the `extra` of msgspec.Meta to `extra`."""
    if isinstance(kind, msgspec.inspect.Metadata):
        extra |= kind.extra or {}
        return _flatten(kind.type, extra)
    if isinstance(kind, msgspec.inspect.UnionType):
        return [plain for part in kind.types for plain in _flatten(part, extra)]
    return [kind]


def _limits(name: str, kind: msgspec.inspect.Type) -> tuple[float, float]:
    if isinstance(kind, msgspec.inspect.StrType):
        if kind.pattern is not None:
            raise TypeError(f"Field {name}: a pattern has no reason of its own. Write a normal form instead.")
        return kind.min_length or 0, math.inf if kind.max_length is None else kind.max_length
    if isinstance(kind, msgspec.inspect.IntType):
        if (kind.gt, kind.lt, kind.multiple_of) != (None, None, None):
            raise TypeError(f"Field {name}: limit an integer with ge and le.")
        smallest = -LARGEST_INTEGER - 1 if kind.ge is None else max(kind.ge, -LARGEST_INTEGER - 1)
        return smallest, LARGEST_INTEGER if kind.le is None else min(kind.le, LARGEST_INTEGER)
    return -math.inf, math.inf
