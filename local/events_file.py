"""Message bodies from a file."""

import json
from pathlib import Path

from local.errors import EventsFileError

LINES_SUFFIXES = (".jsonl", ".ndjson")


def load_bodies(path: Path) -> list[str]:
    """Reads a JSON array of bodies, or JSON lines, each line sent as it is; raises EventsFileError.

    A text in an array is a body as it stands. An event for `sam local invoke` (an object with `Records`) will do too:
    the bodies of its records are taken.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise EventsFileError(f"{path} cannot be read: {error.strerror}") from None
    bodies = _parse(path, text)
    if not bodies:
        raise EventsFileError(f"{path} holds no events")
    return bodies


def _parse(path: Path, text: str) -> list[str]:
    lines = [line for line in text.split("\n") if line.strip()]  # splitlines() knows more ends of line than JSON
    if path.suffix in LINES_SUFFIXES:
        return lines
    try:
        content = json.loads(text)
    except ValueError as error:
        # Lines may be anything, but who opens an array on a line of its own means an array.
        if lines and lines[0].strip() == "[":
            raise EventsFileError(f"{path} begins as a JSON array, but is none: {error}") from None
        return lines
    if isinstance(content, dict) and isinstance(content.get("Records"), list):
        content = [record["body"] for record in content["Records"] if isinstance(record, dict) and "body" in record]
    if not isinstance(content, list):
        content = [content]
    return [item if isinstance(item, str) else json.dumps(item) for item in content]
