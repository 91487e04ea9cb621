"""Bytes as records: any bytes are one, so that a fuzzer can find its way from one to the next."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from tests.support import ADDED_BODY, NOON, Record, make_record

CORPUS = Path(__file__).parent / "corpus"
# The order of the parts in the corpus; fields that have been added to the table since come last.
FIELDS = ("user_id", "app_version", "device_type", "ip", "device_id", "locale", "extra", *ADDED_BODY)
SEPARATOR, NULL = b"\xff", b"\xfe"  # neither is in UTF-8
TEXT, ASCII, EVENT_ID, SENT_TIMESTAMP, RAW = (1 << bit for bit in range(5))
MOST_EDITS = 6
TOKENS = (
    *(b'"', b"\\", b"\\u0000", b"\\ud800", b"\x00", b"{", b"}", b"[", b"]", b":", b",", b"null", b"NaN", b"1e999"),
    *(
        b"::ffff:1.2.3.4",
        b"%eth0",
        b"fe80::",
        b"255.255.255.255",
        b"01.2.3.4",
        b".999",
        b".1000",
        b"2147",
        b"\xef\xbc\x91",
    ),
    *(b"\t", b"\n", b"\r", b"\\.", b"\\N", b"'", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xc2\xa0", b"0" * 300, b"-1"),
    *(SEPARATOR, NULL, b"urn:uuid:", b"\xe2\x80\xa8", b"a" * 33, b"a" * 129, b"a" * 257),
)


def decode(data: bytes) -> Record:
    """The record that the bytes stand for.

    The first byte says what there is; parts follow, separated: attributes, then the fields, or else the body itself.
    Bytes that are no UTF-8 become lone surrogates.
    """
    flags, parts = data[0] if data else 0, data[1:].split(SEPARATOR)
    attributes = {}
    for flag, name in ((EVENT_ID, "event_id"), (SENT_TIMESTAMP, "sent_timestamp")):
        if flags & flag:
            attributes[name] = _text(parts.pop(0) if parts else b"")
    return make_record(
        _body(flags, parts), message_id="0b1e7a5c-9c1f-4b0e-8a53-0f1d2c3b4a59", sent=NOON, attributes=attributes
    )


def _body(flags: int, parts: list[bytes]) -> str:
    if flags & TEXT:
        return _text(SEPARATOR.join(parts))
    fields: dict[str, Any] = dict(ADDED_BODY)
    for name, part in zip(FIELDS, parts, strict=False):
        fields[name] = None if part == NULL else _value(part) if flags & RAW else _text(part)
    return json.dumps(fields, ensure_ascii=bool(flags & ASCII))


def _value(part: bytes) -> Any:
    """What the part is as JSON, else its text."""
    try:
        return json.loads(part)
    except (ValueError, RecursionError):
        return _text(part)


def _text(part: bytes) -> str:
    return part.decode(errors="surrogateescape")


def load_corpus() -> dict[str, bytes]:
    """The committed inputs: examples of each kind, and what once broke something."""
    return {path.name: path.read_bytes() for path in sorted(CORPUS.iterdir())}


def generate(count: int, seed: int) -> Iterator[bytes]:
    """`count` inputs, each an input of the corpus with a few random edits."""
    source = Random(seed)  # noqa: S311  not for secrets
    corpus = list(load_corpus().values())
    for _ in range(count):
        data = bytearray(source.choice(corpus))
        for _ in range(source.randint(0, MOST_EDITS)):
            _edit(data, source)
        yield bytes(data)


def _edit(data: bytearray, source: Random) -> None:
    place = source.randint(0, len(data))
    match source.randrange(4):
        case 0:
            data[place:place] = source.choice(TOKENS)
        case 1:
            data[place : place + 1] = bytes([source.randrange(256)])
        case 2:
            del data[place : place + source.randint(1, 8)]
        case _:
            data[place:place] = data[source.randint(0, place) : place]
