"""Parses JSON as RFC 8259 defines it, and splits it into the exact texts of its parts."""

import json
import re
from typing import Any, NoReturn, TypeVar

LONGEST_INTEGER = 20  # characters: a longer integer never fits Postgres's integer
WHITE_SPACE = " \t\n\r"

Parts = TypeVar("Parts", list[str], dict[str, str])

_skip_white_space = re.compile(f"[{WHITE_SPACE}]*").match


def read_json(text: str) -> Any:  # noqa: ANN401  any JSON value
    """Parses `text`; raises ValueError."""
    value, end = _read(text, _skip(text, 0))
    if _skip(text, end) != len(text):
        raise ValueError
    return value


def split_array(text: str) -> list[str]:
    """Returns the exact text of each element of a JSON array; raises ValueError for anything else."""
    parts: list[str] = []
    position = _expect(text, 0, "[")
    if text[position : position + 1] == "]":
        return _end(text, position, parts)
    while True:
        _, end = _read(text, position)
        parts.append(text[position:end])
        position = _skip(text, end)
        if text[position : position + 1] == "]":
            return _end(text, position, parts)
        position = _expect(text, position, ",")


def split_object(text: str) -> dict[str, str]:
    """Returns the exact text of each value of a JSON object; of a repeated name, the last. Raises ValueError."""
    parts: dict[str, str] = {}
    position = _expect(text, 0, "{")
    if text[position : position + 1] == "}":
        return _end(text, position, parts)
    while True:
        if text[position : position + 1] != '"':
            raise ValueError
        name, end = _read(text, position)
        position = _expect(text, end, ":")
        _, end = _read(text, position)
        parts[name] = text[position:end]
        position = _skip(text, end)
        if text[position : position + 1] == "}":
            return _end(text, position, parts)
        position = _expect(text, position, ",")


def _end(text: str, position: int, parts: Parts) -> Parts:
    if _skip(text, position + 1) != len(text):
        raise ValueError
    return parts


def _expect(text: str, position: int, character: str) -> int:
    """Returns the position after `character` and the white space around it."""
    position = _skip(text, position)
    if text[position : position + 1] != character:
        raise ValueError
    return _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    return _skip_white_space(text, position).end()  # type: ignore[union-attr]  # matches anywhere


def _read(text: str, position: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except RecursionError:
        raise ValueError from None


def _parse_integer(text: str) -> int:
    # Python refuses integers of thousands of digits. Any integer of that size is too large anyway.
    return int(text[:LONGEST_INTEGER])


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError  # Python accepts NaN and Infinity, JSON does not.


_DECODER = json.JSONDecoder(parse_int=_parse_integer, parse_constant=_refuse_constant)
