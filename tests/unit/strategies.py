"""Bodies, ids, attributes and timestamps as producers and faults make them: cut, joined, blank, padded, marked."""

import json
import uuid
from typing import Any

from hypothesis import strategies as st

from tests.support import NOON, RULES, Record, make_body, make_record

WHITE_SPACE = ["", " ", "\n", "\t", "\r\n", "\v", "\f", "\xa0", "\x85", "\u2028", "\u3000", "\ufeff", "\0"]
UUIDS = [
    "c9a646d3-9c61-4cb7-bfcd-ee2522c8f633",
    "{C9A646D3-9C61-4CB7-BFCD-EE2522C8F633}",
    "urn:uuid:00000000-0000-0000-0000-000000000000",
]
MESSAGE_IDS = [str(uuid.UUID(int=number, version=4)) for number in range(1, 9)]

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
# Texts that mean something to JSON, to COPY or to Postgres.
telling_text = st.lists(
    st.sampled_from([*WHITE_SPACE, "\\", "\\N", "\\.", "\\n", '"', "'", "}", "{", "é", "\ud800", "\x7f", "null", "7"]),
    max_size=6,
).map("".join)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)
any_field = st.sampled_from(list(RULES))


@st.composite
def near_bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Objects close to a login: values changed, fields left out, fields added."""
    changes = draw(st.dictionaries(any_field, telling_text | any_text | any_json, max_size=2))
    extra = draw(st.dictionaries(any_text, any_json, max_size=2))
    absent = draw(st.sets(any_field, max_size=1))
    return {name: value for name, value in (make_body(**changes) | extra).items() if name not in absent}


names = st.sampled_from(["anna", "bert", "carl", "a\\b", "tab\t", "\\N"])
valid_logins = st.builds(
    lambda name, ensure_ascii, indent: json.dumps(make_body(device_id=name), ensure_ascii=ensure_ascii, indent=indent),
    names,
    st.booleans(),
    st.sampled_from([None, 1]),
)
near_logins = st.builds(
    lambda fields, ensure_ascii: json.dumps(fields, ensure_ascii=ensure_ascii), near_bodies(), st.booleans()
)
white_space = st.lists(st.sampled_from(WHITE_SPACE), max_size=3).map("".join)
separators = white_space | st.sampled_from([",", "\n", "}{", "\\"])
# Numbers around the limits: days, the years 2000 and 9999, two days after SentTimestamp.
milliseconds = st.builds(
    lambda limit, more: str(max(0, limit + more)),
    st.sampled_from([0, 946_684_800_000, NOON, NOON + 172_800_000, 253_402_300_800_000]),
    st.integers(-2, 2),
)
ids = st.sampled_from(UUIDS) | telling_text | any_text
times = milliseconds | telling_text
shapes: st.SearchStrategy[Any] = st.sampled_from([None, [], {}, "text", 5])
USUALLY = 9  # of ten


def _pieces(one: str, other: str, middle: str, space: str, place: float, way: int) -> list[str]:
    cut = round(len(one) * place)
    return [
        [one],
        [one[:cut], one[cut:]],
        [one[:cut], one[cut:] + middle + other],
        [one + middle + other],
        [one + middle + other, space],
        [space],
        [space + one + middle],
        ["\ufeff" + one],
        ["[" + one, other + "]"],
        [f"[{one},{other}]"],
        [middle],
    ][way]


# Bodies that a fault has made of one or two: cut, joined, blank, padded, marked.
pieces = st.builds(
    _pieces,
    valid_logins | near_logins,
    valid_logins,
    separators | telling_text,
    white_space,
    st.floats(0, 1),
    st.integers(0, 10),
)


@st.composite
def messages(draw: st.DrawFn) -> Record:
    """A message without a body; now and then with ids, attributes and times of any kind."""
    attributes, sent = {}, str(NOON)
    for name, texts in (("event_id", ids), ("sent_timestamp", times)):
        if draw(st.integers(0, 10)) > USUALLY:
            attributes[name] = draw(texts)
    if draw(st.integers(0, 10)) > USUALLY:
        sent = draw(times)
    message = make_record("", message_id=draw(st.sampled_from(MESSAGE_IDS)), sent=sent, attributes=attributes)
    if draw(st.integers(0, 20)) > 2 * USUALLY:
        message[draw(st.sampled_from(["messageAttributes", "attributes"]))] = draw(shapes)
    return message


@st.composite
def batches(draw: st.DrawFn) -> list[Record]:
    """Messages in any order, the last one twice."""
    bodies = [body for some in draw(st.lists(pieces, min_size=1, max_size=4)) for body in some]
    delivered = [draw(messages()) | {"body": body} for body in bodies]
    return draw(st.permutations([*delivered, delivered[-1]]))
