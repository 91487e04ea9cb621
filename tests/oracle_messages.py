"""The contract on messages with several events once more, plain and slow. Shares no code with `lambda_src`."""

import json
from typing import Any

NO_JSON = object()
JSON_SPACE = " \t\r\n"
MOST_EVENTS = 10_000


def load(text: str) -> Any:
    """The value of a JSON text; NO_JSON where it is none."""
    try:
        return json.loads(text, parse_int=_integer, parse_float=lambda _: 0.5, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return NO_JSON


def split(body: str) -> list[str] | str | None:
    """The texts of the events in a body, the reason to reject the body as a whole, or None for a single event."""
    body = body.strip(JSON_SPACE)
    value = load(body)
    if body.startswith("["):
        if value is NO_JSON:
            return "invalid_json"
        texts = [json.dumps(element) for element in value]  # not the exact texts, but the same values
    elif value is NO_JSON:
        texts = [line.strip(JSON_SPACE) for line in body.split("\n") if line.strip(JSON_SPACE)]
        if len(texts) < 2:
            return None
    else:
        return None
    if not texts:
        return "empty"
    return "too_long" if len(texts) > MOST_EVENTS else texts


def _integer(text: str) -> int:
    # Python's int() takes no more than 4,300 digits.
    return int(text) if len(text) < 100 else int(text[:100])


def _refuse(constant: str) -> None:
    raise ValueError(constant)
