"""Events in a file: JSON lines, a JSON array, one JSON object, or an SQS event as Lambda gets it."""

import json
import sys
from pathlib import Path
from typing import NamedTuple

from ops.errors import OpsError

LINES_SUFFIXES = (".jsonl", ".ndjson")
STANDARD_INPUT = Path("-")


class EventsFileError(OpsError):
    """The file with events cannot be used; the message says why."""


class Item(NamedTuple):
    """An event of a file: the line that it is on, or in a JSON array its position; from 1."""

    number: int
    body: str


def load_text(file: Path) -> str:
    """The text of a file, or with `-` of standard input; raises EventsFileError."""
    try:
        data = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise EventsFileError(f"{file} cannot be read: {error.strerror}") from None
    # A broken byte spoils its own line only: it is sent as a character that stands for what cannot be read.
    return data.decode("utf-8-sig", "replace")


def load_bodies(file: Path) -> list[str]:
    """The bodies of a file's events; raises EventsFileError where it cannot be read or holds none."""
    bodies = [item.body for item in parse_items(file, load_text(file))]
    if not bodies:
        raise EventsFileError(f"{file} holds no events")
    return bodies


def parse_items(file: Path, text: str) -> list[Item]:
    """The events of a text; .jsonl and .ndjson as suffix of `file` mean JSON lines. Raises EventsFileError.

    A line is sent as it is, good or bad; so is a text in an array, and the body of each record of an SQS event.
    """
    # splitlines() knows more ends of line than JSON does.
    lines = [Item(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if file.suffix in LINES_SUFFIXES:
        return lines
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        # Lines may be anything, but who opens an array on a line of its own means an array.
        if lines and lines[0].body == "[":
            raise EventsFileError(f"{file} begins as a JSON array, but is none: {_position(error)}") from None
        return lines
    if isinstance(content, dict) and isinstance(content.get("Records"), list):
        content = [record["body"] for record in content["Records"] if isinstance(record, dict) and "body" in record]
    elif not isinstance(content, list):
        content = [content]
    return [
        Item(number, item if isinstance(item, str) else json.dumps(item, ensure_ascii=False))
        for number, item in enumerate(content, 1)
    ]


def _position(error: Exception) -> str:
    """Where a text stops being JSON, without a value of it."""
    return f"line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else "nested too deep"
