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
    "os_version: Annotated[str, Meta(max_length=8)] | None = None",
    'phone: Annotated[str, Meta(min_length=1, extra={"masked": True})] | None = None',
    'proxy_ip: Annotated[str, Meta(extra={"masked": True, "normal": normal_ip})] | None = None',
    "attempts: int",
    "age: Annotated[int, Meta(ge=0, le=150)] | None = None",
    "rooted: bool",
    "beta: bool | None = None",
]
ADDED = {
    "os_version": Rule(largest=8, required=False),
    "phone": Rule(smallest=1, required=False, masked=True),
    "proxy_ip": Rule(required=False, masked=True, form="ip"),
    "attempts": Rule(int),
    "age": Rule(int, 0, 150, required=False),
    "rooted": Rule(bool),
    "beta": Rule(bool, required=False),
}
VALUES = {
    "os_version": "14",
    "phone": "+1 555",
    "proxy_ip": "::ffff:1.2.3.4",
    "attempts": 3,
    "age": 30,
    "rooted": False,
    "beta": True,
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
        "os_version": "text",
        "masked_phone": "text",
        "masked_proxy_ip": "text",
        "attempts": "integer",
        "age": "integer",
        "rooted": "boolean",
        "beta": "boolean",
    }
    assert wider.contract.COLUMN_TYPES.items() - COLUMN_TYPES.items() == more.items()
    assert wider.contract.MASKED[len(MASKED) :] == ("phone", "proxy_ip")


def test_values_of_the_added_fields(wider: SimpleNamespace) -> None:
    got = outcome(wider, make_wider_record())
    assert isinstance(got, dict)
    assert {name: got[name] for name in ("os_version", "attempts", "age", "rooted", "beta")} == {
        "os_version": "14",
        "attempts": "3",
        "age": "30",
        "rooted": "False",
        "beta": "True",
    }
    assert got["masked_phone"] == pseudonym("phone", "+1 555", KEY)
    assert got["masked_proxy_ip"] == pseudonym("proxy_ip", "1.2.3.4", KEY)


@pytest.mark.parametrize("absent", [None, ABSENT], ids=["null", "absent"])
def test_optional_field_without_value_is_null(wider: SimpleNamespace, absent: object) -> None:
    optional = [name for name, rule in ADDED.items() if not rule.required]
    got = outcome(wider, make_wider_record(**dict.fromkeys(optional, absent)))
    assert isinstance(got, dict)
    assert {name for name, cell in got.items() if cell is None} == {
        f"masked_{name}" if ADDED[name].masked else name for name in optional
    }


def test_empty_text_is_not_null(wider: SimpleNamespace) -> None:
    got = outcome(wider, make_wider_record(os_version=""))
    assert isinstance(got, dict)
    assert got["os_version"] == ""


def test_event_from_before_a_required_field_is_rejected(wider: SimpleNamespace) -> None:
    assert outcome(wider, make_record()) == ("missing_field", "attempts")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("attempts", value) for value in (2**31, -(2**31) - 1, 2**63, 10**19, -(10**30), 10**400)],
        *[("age", value) for value in (-1, 151, 2**31, 2**64)],
    ],
)
def test_integer_out_of_range(wider: SimpleNamespace, field: str, value: int) -> None:
    assert outcome(wider, make_wider_record(**{field: value})) == ("out_of_range", field)
    assert outcome(wider, make_wider_record(**{field: value, "extra": "\\"})) == ("out_of_range", field)


def test_integer_of_thousands_of_digits_is_out_of_range(wider: SimpleNamespace) -> None:
    body = json.dumps(make_wider_body()).replace('"attempts": 3', f'"attempts": {"9" * 5000}')
    assert outcome(wider, make_record(body)) == ("out_of_range", "attempts")


@pytest.mark.parametrize(
    ("field", "value"), [("attempts", 2**31 - 1), ("attempts", -(2**31)), ("age", 0), ("age", 150)]
)
def test_integer_at_its_limit(wider: SimpleNamespace, field: str, value: int) -> None:
    got = outcome(wider, make_wider_record(**{field: value}))
    assert isinstance(got, dict)
    assert got[field] == str(value)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *[("attempts", text) for text in ("3.0", "1e2", "-0.0", "true", '"3"', "null", "[]")],
        *[("age", text) for text in ("3.0", "false", '"3"', "{}")],
        *[("rooted", text) for text in ("0", "1", '"true"', "null", "[]")],
        *[("beta", text) for text in ("0", "1.0", '"false"')],
        *[("phone", text) for text in ("5", "true", "[]")],
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
@example(changes={"attempts": True}, ascii_only=False)
@example(changes={"age": -0.0}, ascii_only=False)
def test_any_values_of_the_added_fields(wider: SimpleNamespace, changes: dict[str, Any], ascii_only: bool) -> None:
    outcome(wider, make_record(json.dumps(make_wider_body(**changes), ensure_ascii=ascii_only)))


@settings(max_examples=200, deadline=None)
@given(changes=some_changes, ascii_only=st.booleans())
def test_fast_way_accepts_nothing_that_the_careful_way_sees_otherwise(
    wider: SimpleNamespace, changes: dict[str, Any], ascii_only: bool
) -> None:
    text = json.dumps(make_wider_body(**changes), ensure_ascii=ascii_only)
    assert_ways_agree(wider.decoding, text)
