"""Reads events from JSON lines, a JSON array, one JSON object, CSV, or SQS messages as AWS's tools print them."""

import json
import sys
from pathlib import Path

from lambda_src.json_text import WHITE_SPACE, read_json, split_array, split_object
from ops.csv_events import SUFFIXES as CSV_SUFFIXES
from ops.csv_events import find_delimiter, parse_csv
from ops.file_formats import EventsFileError, decode_file
from ops.items import Item

LINES_SUFFIXES = (".jsonl", ".ndjson")
STANDARD_INPUT = Path("-")
# Objects around events: an SQS event as Lambda gets it, and the output of `aws sqs receive-message`.
BODIES = {"Records": "body", "Messages": "Body"}
EVENTS = "events"


def load_text(file: Path) -> str:
    """Reads the text of a file, or with `-` of standard input; raises EventsFileError."""
    try:
        data = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise EventsFileError(f"{file} cannot be read: {error.strerror}.") from None
    return decode_file(file, data)


def load_items(file: Path) -> list[Item]:
    """Reads the events of a file; raises EventsFileError if it cannot be read or holds no event."""
    items = parse_items(file, load_text(file))
    if not items:
        raise EventsFileError(f"{file} holds no events.")
    return items


def parse_items(file: Path, text: str) -> list[Item]:
    """Returns the events of a text. Its content or the suffix of `file` decides the format. Raises EventsFileError.

    A line is sent unchanged, even if it is not valid. So are a text in an array and the body of each SQS message.
    """
    suffix = Path(file.stem).suffix if file.suffix == ".gz" else file.suffix
    # splitlines() would also split at characters that are not line ends in JSON lines.
    lines = [Item(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if suffix in LINES_SUFFIXES:
        return lines
    if suffix in CSV_SUFFIXES or (lines and find_delimiter(lines[0].body)):
        return parse_csv(file, text) if lines else []
    content = text.strip(WHITE_SPACE)
    try:
        if content.startswith("{"):
            return _parse_object(text, content)
        if content.startswith("["):
            return _parse_array(text, content)
    except ValueError:
        # Lines may hold any text, but a `[` alone on the first line certainly begins an array.
        if lines[0].body == "[":
            raise EventsFileError(f"{file} begins as a JSON array, but is none: {_position(text)}.") from None
    return lines


def _parse_object(text: str, content: str) -> list[Item]:
    parts = split_object(content)
    for name, body in BODIES.items():
        records = read_json(parts[name]) if name in parts else None
        if isinstance(records, list):
            bodies = [record[body] for record in records if isinstance(record, dict) and body in record]
            return [Item(number, _as_text(each)) for number, each in enumerate(bodies, 1)]
    if parts.get(EVENTS, "").startswith("["):
        return _parse_array(text, parts[EVENTS])
    return [Item(1, content)]


def _parse_array(text: str, content: str) -> list[Item]:
    """Returns the exact text of each element, with the line of `text` on which it begins."""
    position, line = text.index(content), 1 + text.count("\n", 0, text.index(content))
    items = []
    for number, part in enumerate(split_array(content), 1):
        start = text.index(part, position)  # Between two elements there are commas and white space only.
        line += text.count("\n", position, start)
        items.append(Item(number, _as_text(read_json(part)) if part.startswith('"') else part, line))
        line += part.count("\n")
        position = start + len(part)
    return items


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _position(text: str) -> str:
    """Returns the position of the JSON error, without a value of the text."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"line {error.lineno} column {error.colno}"
    except RecursionError:
        return "nested too deep"
    return "it holds NaN or Infinity"
