"""Packs several events into one message. SQS bills per request of up to 64 KB, with up to ten messages."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lambda_src.json_text import read_json
from lambda_src.sqs_batches import BYTES_PER_CALL
from lambda_src.unpacking import MOST_EVENTS
from ops.items import Item

# Ten messages of 25 events of 169 bytes (the size of generated events) take 43 KB. So 250 events need one billed
# request to send, one to receive and one to delete. That holds up to 250 bytes per event. Larger messages save little.
PACK = 25


class Parcel(NamedTuple):
    """The events of one message, and its body."""

    items: tuple[Item, ...]
    body: str


def make_parcels(items: Iterable[Item], most: int, *, as_array: bool = False) -> Iterator[Parcel]:
    """Packs items, in order, into messages of at most `most` events: as JSON lines, or as a JSON array.

    An event that is not a JSON object is sent alone, because it would make its neighbours invalid. The same items give
    the same messages.
    """
    parcel: list[Item] = []
    texts: list[str] = []
    size = 0
    for item in items:
        text = _packable(item.body, as_array=as_array) if most > 1 else None
        length = len(item.body.encode()) + 1
        is_full = len(parcel) == min(most, MOST_EVENTS) or size + length > BYTES_PER_CALL
        if parcel and (text is None or is_full):
            yield _close(parcel, texts, as_array=as_array)
            parcel, texts, size = [], [], 0
        if text is None:
            yield Parcel((item,), item.body)
            continue
        parcel.append(item)
        texts.append(text)
        size += length
    if parcel:
        yield _close(parcel, texts, as_array=as_array)


def _close(parcel: list[Item], texts: list[str], *, as_array: bool) -> Parcel:
    if len(parcel) == 1:
        return Parcel((parcel[0],), parcel[0].body)
    return Parcel(tuple(parcel), f"[{','.join(texts)}]" if as_array else "\n".join(texts))


def _packable(body: str, *, as_array: bool) -> str | None:
    """Returns the event as an element or a line; None if it has to be sent alone."""
    text = body.strip()
    is_line = text.startswith("{") and text.endswith("}") and "\n" not in text
    if is_line and not as_array:
        return text  # Any content is possible here, because each line of JSON lines is rejected alone.
    try:
        value = read_json(text)
    except ValueError:
        return None
    # In JSON, a line break only occurs as white space between tokens; in a string it is written as \n.
    return text.replace("\n", " ") if isinstance(value, dict) else None
