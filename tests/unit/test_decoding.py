"""The fast and the careful way of decoding, and what the fast way relies on."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambda_src import decoding
from lambda_src.decoding import Decoded, decode_body
from lambda_src.rejects import RecordError
from tests.support import make_body
from tests.unit.decoding_ways import assert_ways_agree
from tests.unit.strategies import near_logins, pieces

ESCAPED_OR_REFUSED = re.compile("[\0-\x1f\\\\\ud800-\udfff]")

patches = st.sampled_from(
    ["", '"', "\\", "\0", "\n", "\t", "\x1f", "\x7f", "\ud800", "é", ",", "}", "1", " ", "\\u0000"]
)


@st.composite
def damaged_logins(draw: st.DrawFn) -> str:
    """A valid body with one place cut out or overwritten, with and without an unknown field."""
    body = json.dumps(make_body(**draw(st.sampled_from([{}, {"extra": "x"}]))), ensure_ascii=False)
    start = draw(st.integers(0, len(body)))
    return body[:start] + draw(patches) + body[start + draw(st.integers(0, 3)) :]


def assert_holds_nothing_to_escape(text: str) -> None:
    """No value of a body without a backslash needs an escape in COPY's text, or is refused by Postgres."""
    try:
        body, _ = decode_body(text)
    except RecordError:
        return
    for value in msgspec.structs.astuple(body):
        assert not isinstance(value, str) or ESCAPED_OR_REFUSED.search(value) is None


@settings(max_examples=300, deadline=None)
@given(damaged_logins() | near_logins)
def test_body_without_backslash_holds_nothing_to_escape(text: str) -> None:
    assert_holds_nothing_to_escape(text.replace("\\", "/"))


@pytest.mark.parametrize("extra", [{}, {"extra": "x"}], ids=["fast", "careful"])
@pytest.mark.parametrize("letter", [*map(chr, range(0x20)), "\x7f", "\ud800", "\u2028"], ids=ascii)
def test_raw_letter_in_a_body_without_backslash(letter: str, extra: dict[str, Any]) -> None:
    assert_holds_nothing_to_escape(json.dumps(make_body(user_id="user", **extra)).replace("user", f"us{letter}er", 1))
    assert_holds_nothing_to_escape(json.dumps(make_body(user_id="me!", **extra)).replace("me!", f"me{letter}"))


@settings(max_examples=300, deadline=None)
@given(damaged_logins() | near_logins)
@example('{"user_id": "a"}')
def test_fast_way_accepts_nothing_that_the_careful_way_sees_otherwise(text: str) -> None:
    assert_ways_agree(decoding, text.replace("\\", "/"))


@settings(max_examples=100, deadline=None)
@given(pieces)
def test_pieces_are_seen_alike_by_both_ways(bodies: list[str]) -> None:
    for body in bodies:
        assert_ways_agree(decoding, body)


def test_fast_way_decides_alone_about_a_valid_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_decode_carefully", None)
    assert decode_body(json.dumps(make_body())) == (Decoded(**make_body()), 0)
