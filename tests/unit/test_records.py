"""Records are independent: a batch gives exactly what each of its messages alone gives."""

import gc
import json
from collections.abc import Iterator
from typing import Any, Never

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_src import parsing, records
from lambda_src.errors import PipelineError
from lambda_src.identity import Event
from lambda_src.masking import Row
from lambda_src.rejects import Reason, Reject
from lambda_src.sqs import make_event
from tests.support import Record, make_body, make_record
from tests.unit.outcomes import SALT, assert_as_expected, records_of
from tests.unit.strategies import any_json, any_text, batches, near_logins, pieces


def login(user: str) -> str:
    """A body, with the same name in every field that takes any text."""
    return json.dumps(make_body(user_id=user, device_id=user, device_type=user))


ANNA, BERT, CARL, LOGIN = login("anna"), login("bert"), login("carl"), json.dumps(make_body())
JOINED = [
    [ANNA + BERT, " "],
    [ANNA + BERT, CARL, " "],
    [CARL, ANNA + BERT, " ", CARL],
    [LOGIN[:40], LOGIN[40:]],
    [LOGIN[:40], LOGIN[40:], f"{LOGIN}\n{LOGIN}"],
    [f"{LOGIN}\n{LOGIN}", ""],
    [f"{LOGIN}\n{LOGIN[:40]}", LOGIN[40:]],
    [f"{LOGIN} {LOGIN}", LOGIN],
    ["", "\n", " ", LOGIN],
    [LOGIN, LOGIN + "]", "[" + LOGIN],
    [json.dumps(make_body(device_id="one"), indent=1), json.dumps(make_body(device_id="two")), LOGIN[:-1], "}"],
    [json.dumps(make_body(device_id="é\u2028\x85\v\f"), ensure_ascii=False), LOGIN + "\r", LOGIN + "\u2028"],
]


def assert_independent(messages: list[Record]) -> None:
    """The batch gives what each of its messages alone gives."""
    assert records_of(*messages) == [record for message in messages for record in records_of(message)]


@pytest.mark.parametrize("bodies", JOINED, ids=range(len(JOINED)))
def test_bodies_that_could_run_into_each_other(bodies: list[str]) -> None:
    messages = [make_record(body) for body in bodies]
    assert_independent(messages)
    for message in messages:
        assert_as_expected(message)


def test_joined_bodies_are_rejected_and_their_neighbours_keep_their_own() -> None:
    joined, carl, blank = records_of(make_record(ANNA + BERT), make_record(CARL), make_record(" "))
    assert isinstance(joined, Reject)
    assert isinstance(blank, Reject)
    assert isinstance(carl, Row)
    assert carl.line.split("\t")[3:6] == ["carl", "2.3.0", "carl"]


@settings(max_examples=150, deadline=None)
@given(batches())
def test_a_batch_gives_what_each_message_alone_gives(messages: list[Record]) -> None:
    assert_independent(messages)


@settings(max_examples=200, deadline=None)
@given(pieces)
def test_pieces_of_logins_as_bodies(bodies: list[str]) -> None:
    for body in bodies:
        assert_as_expected(make_record(body))


def test_records_are_made_one_by_one_as_they_are_asked_for() -> None:
    taken: list[str] = []

    def events() -> Iterator[Event]:
        for message in (make_record(), make_record("{"), make_record()):
            taken.append(message["messageId"])
            yield make_event(message)

    made = records.make_records(events(), SALT)
    assert taken == []
    assert next(made).message_id == taken[0]
    assert len(taken) == 1


def test_fault_of_ours_harms_its_own_record_only(monkeypatch: pytest.MonkeyPatch) -> None:
    spoiled = make_record(message_id="spoiled")

    def parse_event(event: Event) -> Any:
        if event.message_id == "spoiled":
            raise ZeroDivisionError("secret")
        return parsing.parse_event(event)

    monkeypatch.setattr(records, "parse_event", parse_event)
    first, reject, last = records_of(make_record(), spoiled, make_record())
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(reject, Reject)
    assert (reject.message_id, reject.reason, reject.field) == ("spoiled", Reason.UNEXPECTED, None)


def test_no_memory_is_no_fault_of_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse_event(_: Event) -> Never:
        raise MemoryError

    monkeypatch.setattr(records, "parse_event", parse_event)
    with pytest.raises(MemoryError):
        records_of(make_record())


def test_no_error_of_a_reject_stays_in_memory() -> None:
    """An error holds on to the frames that it went through, with the values in them."""
    gc.collect()
    gc.disable()
    try:
        records_of(make_record(), make_record(ip="secret"), make_record("{"), make_record(app_version="x"))
        assert [thing for thing in gc.get_objects() if isinstance(thing, PipelineError)] == []
    finally:
        gc.enable()


@settings(max_examples=150, deadline=None)
@given(any_json, st.booleans())
def test_any_json_as_body(value: Any, ensure_ascii: bool) -> None:
    assert_as_expected(make_record(body=json.dumps(value, ensure_ascii=ensure_ascii)))


@settings(max_examples=300, deadline=None)
@given(near_logins)
def test_any_json_close_to_a_login(body: str) -> None:
    assert_as_expected(make_record(body=body))


@settings(max_examples=150, deadline=None)
@given(any_text)
def test_any_text_as_body(text: str) -> None:
    assert_as_expected(make_record(body=text))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40), st.sampled_from(["latin-1", "utf-8", "utf-16"]))
def test_any_bytes_as_body(raw: bytes, codec: str) -> None:
    assert_as_expected(make_record(body=raw.decode(codec, "surrogateescape" if codec == "utf-8" else "replace")))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_login_as_body(data: st.DataObject) -> None:
    """One place of a valid body cut out or overwritten: the fast and the careful way must judge alike."""
    body = json.dumps(make_body(extra={"a": [1, None, "x"]}))
    start = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, 3))
    patch = data.draw(st.sampled_from(["", '"', "\\", "\0", "\n", "\ud800", "é", ",", "}", "1", " ", "\\u0000", "01"]))
    assert_as_expected(make_record(body=body[:start] + patch + body[start + length :]))
