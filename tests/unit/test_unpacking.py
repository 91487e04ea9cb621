"""Messages with several events: which texts they hold, and what each event is called."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_src.json_text import read_json, split_array, split_object
from lambda_src.masking import Row
from lambda_src.rejects import Reason, Reject
from lambda_src.unpacking import BARE, MOST_EVENTS, unpack, unpack_message
from tests.support import NOON, Record, make_body, make_record
from tests.unit.outcomes import assert_as_expected, records_of
from tests.unit.strategies import any_json, any_text, near_logins, white_space

MESSAGE_ID = "0b1e7a5c-9c1f-4b0e-8a53-0f1d2c3b4a59"
A, B = json.dumps(make_body(user_id="a")), json.dumps(make_body(user_id="b"), indent=1)


def texts_of(body: str) -> list[object]:
    """The texts of the events in a body."""
    return [event.body for event in unpack_message(make_record(body), None)]


def faults_of(body: str) -> list[Any]:
    """The faults of the events in a body."""
    return [event.fault for event in unpack_message(make_record(body), None)]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (A, [A]),
        (B, [B]),
        (f" {A}\n", [f" {A}\n"]),
        (f"[{A}]", [A]),
        (f" [ {A} ,\n{B}\t]\r\n", [A, B]),
        ('[1,"]",[2],{"a":[]}]', ["1", '"]"', "[2]", '{"a":[]}']),
        (f"{A}\n{A}", [A, A]),
        (f"\n{A}\r\n \r\n{A}\r\n", [A, A]),
        (f"{A}\n{{\n[1]", [A, "{", "[1]"]),
        (f"{A}\u2028{A}", [f"{A}\u2028{A}"]),
        (f"{A} {A}", [f"{A} {A}"]),
        ("{", ["{"]),
        ("{\n", ["{\n"]),
        ("\n\n", ["\n\n"]),
        ("", [""]),
        ("1\n", ["1\n"]),
    ],
)
def test_texts_of_a_body(body: str, texts: list[str]) -> None:
    assert texts_of(body) == texts


@pytest.mark.parametrize(
    "body", ["[", "[1", "[1,]", "[,1]", "[1 2]", "[1]]", "[1]\n[2]", "[NaN]", "[1,", "[" * 100_000]
)
def test_array_that_is_no_json_is_one_reject(body: str) -> None:
    assert faults_of(body) == [(Reason.INVALID_JSON, None)]


@pytest.mark.parametrize("body", ["[]", " [\n] "])
def test_empty_array_is_one_reject(body: str) -> None:
    assert faults_of(body) == [(Reason.EMPTY, None)]
    (reject,) = records_of(make_record(body, message_id=MESSAGE_ID))
    assert reject == Reject(MESSAGE_ID, MESSAGE_ID, Reason.EMPTY, None)


@pytest.mark.parametrize("form", ["[{}]", "{}"])
def test_more_events_than_an_invocation_can_hold(form: str) -> None:
    separator = "," if form == "[{}]" else "\n"
    allowed, more = (form.replace("{}", separator.join(["1"] * count)) for count in (MOST_EVENTS, MOST_EVENTS + 1))
    assert len(texts_of(allowed)) == MOST_EVENTS
    assert faults_of(more) == [(Reason.TOO_LONG, None)]


def test_message_that_holds_one_event_whatever_it_looks_like() -> None:
    for body in (f"[{A}]", f"{A}\n{A}", "[]"):
        (event,) = unpack_message(make_record(body, attributes={BARE: "true"}), "sns")
        assert (event.body, event.fault, event.place) == (body, None, None)


# ---- what each event is called ------------------------------------------------------------------------------------


def ids_of(record: Record) -> list[str]:
    """The ids of the rows and rejects that a message becomes."""
    return [made.event_id for made in records_of(record)]


@pytest.mark.parametrize("key", [None, "order 1", "C9A646D3-9C61-4CB7-BFCD-EE2522C8F633"])
def test_id_of_each_event_of_a_message(key: str | None) -> None:
    name = {None: MESSAGE_ID, "order 1": "order 1"}.get(key, "c9a646d3-9c61-4cb7-bfcd-ee2522c8f633")
    own = json.dumps(make_body(event_id="mine"))
    record = make_record(
        f'[{A},{{"bad":1}},{own},{A}]', message_id=MESSAGE_ID, attributes={"event_id": key} if key else {}
    )
    wanted = [f"{name}/0", f"{name}/1", "mine", f"{name}/3"]
    assert ids_of(record) == [str(uuid.uuid5(uuid.NAMESPACE_URL, text)) for text in wanted]
    assert [made.place for made in records_of(record)] == [0, 1, 2, 3]


def test_single_event_has_the_id_of_its_message() -> None:
    assert ids_of(make_record(A, message_id=MESSAGE_ID)) == [MESSAGE_ID]
    (one,) = ids_of(make_record(f"[{A}]", message_id=MESSAGE_ID))
    assert one == str(uuid.uuid5(uuid.NAMESPACE_URL, f"{MESSAGE_ID}/0"))


@pytest.mark.parametrize("bad", [{"ip": "x"}, {"user_id": 5}, {"sent_timestamp": "x"}, {"locale": "x" * 33}])
def test_reject_has_the_id_that_the_event_says(bad: dict[str, Any]) -> None:
    for body in (make_body(event_id="mine", **bad), [make_body(event_id="mine", **bad)]):
        assert ids_of(make_record(body)) == [str(uuid.uuid5(uuid.NAMESPACE_URL, "mine"))]


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        ({"event_id": 5}, ("wrong_type", "event_id")),
        ({"event_id": "null"}, ("invalid_event_id", "event_id")),
        ({"event_id": " "}, ("invalid_event_id", "event_id")),
        ({"event_id": "a\0"}, ("invalid_text", "event_id")),
        ({"sent_timestamp": "1700049600000"}, ("wrong_type", "sent_timestamp")),
        ({"sent_timestamp": 1.5}, ("wrong_type", "sent_timestamp")),
        ({"sent_timestamp": True}, ("wrong_type", "sent_timestamp")),
        ({"sent_timestamp": -1}, ("invalid_timestamp", "sent_timestamp")),
        ({"sent_timestamp": 10**30}, ("invalid_timestamp", "sent_timestamp")),
        ({"sent_timestamp": NOON + 172_800_001}, ("invalid_timestamp", "sent_timestamp")),
    ],
)
def test_id_or_time_of_an_event_that_cannot_be_one(own: dict[str, Any], reason: tuple[str, str]) -> None:
    (reject,) = records_of(make_record(make_body(**own), message_id=MESSAGE_ID, attributes={"event_id": "good"}))
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.field) == reason


def test_null_as_id_and_time_means_none() -> None:
    (row,) = records_of(make_record(make_body(event_id=None, sent_timestamp=None), message_id=MESSAGE_ID))
    assert isinstance(row, Row)
    assert (row.event_id, row.create_date, row.unknown_fields) == (MESSAGE_ID, "2023-11-15", 0)


def test_event_says_its_time() -> None:
    day = 86_400_000
    attributes = {"sent_timestamp": str(NOON - 2 * day)}
    (row,) = records_of(make_record(make_body(sent_timestamp=NOON - day), attributes=attributes))
    assert isinstance(row, Row)
    assert row.create_date == "2023-11-14"


# ---- any messages -------------------------------------------------------------------------------------------------

own_names = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.sampled_from(["mine", "", "NULL", None, 5, MESSAGE_ID.upper(), "\0"]) | any_text,
        "sent_timestamp": st.sampled_from([None, NOON, NOON - 86_400_000, 0, -1, "5", 1.5, 10**20, NOON + 172_800_001]),
    },
)
events = st.builds(lambda own, ascii_: json.dumps(make_body(**own), ensure_ascii=ascii_), own_names, st.booleans())
parts = st.lists(events | near_logins | st.builds(json.dumps, any_json), min_size=1, max_size=4)
packed = st.builds(
    lambda texts, space, way: {
        "array": f"{space}[{space}" + f"{space},{space}".join(texts) + f"{space}]",
        "lines": f"{space}\n".join(texts) + space,
        "cut": ("[" + ",".join(texts) + "]")[: -1 - len(texts[-1]) // 2],
        "joined": "".join(texts),
    }[way],
    parts,
    white_space | st.sampled_from([" ", "\n", "\r\n", ""]),
    st.sampled_from(["array", "lines", "cut", "joined"]),
)
keys = st.sampled_from([None, "order 1", MESSAGE_ID.upper(), "null", "\0"])


@settings(max_examples=400, deadline=None)
@given(packed, keys)
def test_any_messages_with_several_events(body: str, key: str | None) -> None:
    assert_as_expected(make_record(body, attributes={} if key is None else {"event_id": key}))


@settings(max_examples=200, deadline=None)
@given(st.lists(packed, max_size=4))
def test_each_event_gives_what_it_alone_gives(bodies: list[str]) -> None:
    messages = [make_record(body) for body in bodies]
    assert list(unpack(messages, None)) == [event for each in messages for event in unpack([each], None)]


@settings(max_examples=200, deadline=None)
@given(any_json, st.sampled_from([None, 2]), st.booleans())
def test_parts_of_any_json(value: Any, indent: int | None, ascii_: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    assert read_json(f" {text}\n") == json.loads(text, parse_int=lambda digits: int(digits[:20]))
    if isinstance(value, list):
        assert [json.loads(part) for part in split_array(text)] == value
    elif isinstance(value, dict):
        assert {name: json.loads(part) for name, part in split_object(text).items()} == value
    for split in (split_array, split_object):
        if not isinstance(value, list if split is split_array else dict):
            with pytest.raises(ValueError):  # noqa: PT011  nobody reads its text
                split(text)


@settings(max_examples=300, deadline=None)
@given(any_json, st.data())
def test_parts_of_damaged_json(value: Any, data: st.DataObject) -> None:
    """What cannot be read as a whole cannot be split either."""
    text = json.dumps(value)
    place = data.draw(st.integers(0, len(text)))
    text = text[:place] + data.draw(st.sampled_from(["", ",", "]", "}", '"', "x", "[", ":"])) + text[place + 1 :]
    for split in (split_array, split_object):
        try:
            split(text)
        except ValueError:
            continue
        assert type(json.loads(text)) is (list if split is split_array else dict)
