"""Several events in one message, in the form in which the function takes them apart again."""

import json

import pytest

from lambda_src.sqs_batches import BYTES_PER_CALL
from lambda_src.unpacking import unpack_message
from ops.items import Item
from ops.packing import make_parcels

EVENTS = [f'{{"n": {number}}}' for number in range(7)]


def make_items(bodies: list[str]) -> list[Item]:
    return [Item(number, body) for number, body in enumerate(bodies, 1)]


def unpacked(body: str) -> list[object]:
    """The bodies of the events that the function finds in a message."""
    message = {"messageId": "m", "body": body, "attributes": {"SentTimestamp": "1"}}
    return [event.body for event in unpack_message(message, None)]


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize(("most", "counts"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (10_000, [7])])
def test_function_finds_the_same_events(most: int, counts: list[int], *, as_array: bool) -> None:
    items = make_items(EVENTS)
    parcels = list(make_parcels(items, most, as_array=as_array))
    assert [len(parcel.items) for parcel in parcels] == counts
    assert [item for parcel in parcels for item in parcel.items] == items
    assert [body for parcel in parcels for body in unpacked(parcel.body)] == EVENTS


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("other", ["", "[1]", "x", '"x"', '{"a": 1', '{"a":\n', '{"a": 1}\n{"b": 2}'])
def test_what_is_no_object_goes_alone(other: str, *, as_array: bool) -> None:
    parcels = list(make_parcels(make_items([*EVENTS[:2], other, *EVENTS[2:4]]), 5, as_array=as_array))
    assert [len(parcel.items) for parcel in parcels] == [2, 1, 2]
    assert parcels[1].body == other


def test_bad_line_spoils_no_other() -> None:
    bodies = ['{"a": nonsense}', *EVENTS[:2], "{}"]
    (parcel,) = make_parcels(make_items(bodies), 5)
    assert unpacked(parcel.body) == bodies


def test_event_of_several_lines_becomes_one() -> None:
    bodies = [json.dumps({"a": "x\ny", "b": [1]}, indent=1)] * 2
    (parcel,) = make_parcels(make_items(bodies), 5)
    assert [json.loads(str(body)) for body in unpacked(parcel.body)] == [{"a": "x\ny", "b": [1]}] * 2


def test_message_stays_within_one_call() -> None:
    large = json.dumps({"a": "é" * 50_000}, ensure_ascii=False)
    parcels = list(make_parcels(make_items([large] * 5), 5))
    assert [len(parcel.items) for parcel in parcels] == [2, 2, 1]
    assert max(len(parcel.body.encode()) for parcel in parcels) <= BYTES_PER_CALL
