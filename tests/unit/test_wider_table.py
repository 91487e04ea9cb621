"""Fields added to the table, each by one line: what the function makes of them, against the oracle."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambda_src.contract import COLUMN_TYPES, MASKED
from lambda_src.sqs import make_event
from tests.oracle import Rule, expect, pseudonym
from tests.support import ABSENT, RULES, Record, make_body, make_record
from tests.unit.decoding_ways import assert_ways_agree
from tests.unit.outcomes import KEY, Outcome, as_outcome, assert_agrees
from tests.unit.strategies import any_json, telling_text
from tests.unit.wider_table import import_with_fields

LINES = [
    "added_text: Annotated[str, Meta(max_length=8)] | None = None",
    'added_phone: Annotated[str, Meta(min_length=1, extra={"masked": True})] | None = None',
    'added_ip: Annotated[str, Meta(extra={"masked": True, "normal": normal_ip})] | None = None',
    "added_integer: int",
    "added_age: Annotated[int, Meta(ge=0, le=150)] | None = None",
    "added_truth: bool",
    "added_beta: bool | None = None",
]
ADDED = {
    "added_text": Rule(largest=8, required=False),
    "added_phone": Rule(smallest=1, required=False, masked=True),
    "added_ip": Rule(required=False, masked=True, form="ip"),
    "added_integer": Rule(int),
    "added_age": Rule(int, 0, 150, required=False),
    "added_truth": Rule(bool),
    "added_beta": Rule(bool, required=False),
}
VALUES = {
    "added_text": "14",
    "added_phone": "+1 555",
    "added_ip": "::ffff:1.2.3.4",
    "added_integer": 3,
    "added_age": 30,
    "added_truth": False,
    "added_beta": True,
}


@pytest.fixture(scope="module")
def wider() -> Iterator[SimpleNamespace]:
    """The function's pure modules with LINES in the table."""
    with pytest.MonkeyPatch.context() as patch:
        yield import_with_fields(LINES, patch)


def make_wider_body(**changes: Any) -> dict[str, Any]:
    """A valid body with all fields; `changes` replace some."""
    return make_body(**{**VALUES, **changes})


def make_wider_record(**changes: Any) -> Record:
    """A valid record with all fields; `changes` replace some."""
    return make_record(make_wider_body(**changes))


def outcome(wider: SimpleNamespace, record: Record) -> Outcome:
    """What the wider function makes of a record, on which the oracle must agree."""
    (made,) = wider.records.make_records([make_event(record)], wider.masking.Salt(KEY, 7))
    got = as_outcome(made, wider.contract.COLUMNS)
    assert_agrees(got, expect(record, KEY, 7, RULES | ADDED))
    return got


def test_columns_of_the_added_fields(wider: SimpleNamespace) -> None:
    more = {
        "added_text": "text",
        "masked_added_phone": "text",
        "masked_added_ip": "text",
        "added_integer": "integer",
        "added_age": "integer",
        "added_truth": "boolean",
        "added_beta": "boolean",
    }
    assert wider.contract.COLUMN_TYPES.items() - COLUMN_TYPES.items() == more.items()
    assert wider.contract.MASKED[len(MASKED) :] == ("added_phone", "added_ip")


def test_values_of_the_added_fields(wider: SimpleNamespace) -> None:
    got = outcome(wider, make_wider_record())
    assert isinstance(got, dict)
    assert {name: got[name] for name in ("added_text", "added_integer", "added_age", "added_truth", "added_beta")} == {
        "added_text": "14",
        "added_integer": "3",
        "added_age": "30",
        "added_truth": "False",
        "added_beta": "True",
    }
    assert got["masked_added_phone"] == pseudonym("added_phone", "+1 555", KEY)
    assert got["masked_added_ip"] == pseudonym("added_ip", "1.2.3.4", KEY)


@pytest.mark.parametrize("absent", [None, ABSENT], ids=["null", "absent"])
def test_optional_field_without_value_is_null(wider: SimpleNamespace, absent: object) -> None:
    optional = [name for name, rule in ADDED.items() if not rule.required]
    got = outcome(wider, make_wider_record(**dict.fromkeys(optional, absent)))
    assert isinstance(got, dict)
    assert {name for name, cell in got.items() if cell is None} == {
        f"masked_{name}" if ADDED[name].masked else name for name in optional
    }


def test_empty_text_is_not_null(wider: SimpleNamespace) -> None:
    got = outcome(wider, make_wider_record(added_text=""))
    assert isinstance(got, dict)
    assert got["added_text"] == ""


def test_event_from_before_a_required_field_is_rejected(wider: SimpleNamespace) -> None:
    assert outcome(wider, make_record()) == ("missing_field", "added_integer")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("added_integer", value) for value in (2**31, -(2**31) - 1, 2**63, 10**19, -(10**30), 10**400)],
        *[("added_age", value) for value in (-1, 151, 2**31, 2**64)],
    ],
)
def test_integer_out_of_range(wider: SimpleNamespace, field: str, value: int) -> None:
    assert outcome(wider, make_wider_record(**{field: value})) == ("out_of_range", field)
    assert outcome(wider, make_wider_record(**{field: value, "extra": "\\"})) == ("out_of_range", field)


def test_integer_of_thousands_of_digits_is_out_of_range(wider: SimpleNamespace) -> None:
    body = json.dumps(make_wider_body()).replace('"added_integer": 3', f'"added_integer": {"9" * 5000}')
    assert outcome(wider, make_record(body)) == ("out_of_range", "added_integer")


@pytest.mark.parametrize(
    ("field", "value"),
    [("added_integer", 2**31 - 1), ("added_integer", -(2**31)), ("added_age", 0), ("added_age", 150)],
)
def test_integer_at_its_limit(wider: SimpleNamespace, field: str, value: int) -> None:
    got = outcome(wider, make_wider_record(**{field: value}))
    assert isinstance(got, dict)
    assert got[field] == str(value)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *[("added_integer", text) for text in ("3.0", "1e2", "-0.0", "true", '"3"', "null", "[]")],
        *[("added_age", text) for text in ("3.0", "false", '"3"', "{}")],
        *[("added_truth", text) for text in ("0", "1", '"true"', "null", "[]")],
        *[("added_beta", text) for text in ("0", "1.0", '"false"')],
        *[("added_phone", text) for text in ("5", "true", "[]")],
    ],
)
def test_value_of_another_type(wider: SimpleNamespace, field: str, text: str) -> None:
    old = json.dumps(VALUES[field])
    body = json.dumps(make_wider_body()).replace(f'"{field}": {old}', f'"{field}": {text}')
    assert outcome(wider, make_record(body)) == ("wrong_type", field)


near_numbers = st.sampled_from([0, 150, 2**31, -(2**31), 2**63, 2**64, 10**20]).flatmap(
    lambda limit: st.integers(limit - 2, limit + 2)
)
some_changes = st.dictionaries(st.sampled_from([*ADDED, *RULES]), near_numbers | telling_text | any_json, max_size=3)


@settings(max_examples=200, deadline=None)
@given(changes=some_changes, ascii_only=st.booleans())
@example(changes={"added_integer": True}, ascii_only=False)
@example(changes={"added_age": -0.0}, ascii_only=False)
def test_any_values_of_the_added_fields(wider: SimpleNamespace, changes: dict[str, Any], ascii_only: bool) -> None:
    outcome(wider, make_record(json.dumps(make_wider_body(**changes), ensure_ascii=ascii_only)))


@settings(max_examples=200, deadline=None)
@given(changes=some_changes, ascii_only=st.booleans())
def test_fast_way_accepts_nothing_that_the_careful_way_sees_otherwise(
    wider: SimpleNamespace, changes: dict[str, Any], ascii_only: bool
) -> None:
    text = json.dumps(make_wider_body(**changes), ensure_ascii=ascii_only)
    assert_ways_agree(wider.decoding, text)
