"""The body of a message: JSON, its fields, their types and lengths."""

import json
from typing import Any

import pytest

from tests.support import ABSENT, NOON_DATE, RULES, label, make_body, make_record
from tests.unit.outcomes import MESSAGE_ID, assert_as_expected, login_of, outcome, records_of, reject_of

REQUIRED = [name for name, rule in RULES.items() if rule.required]
TEXTS = [name for name, rule in RULES.items() if rule.kind is str]
LIMITED = ["user_id", "device_type", "device_id", "locale"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        "{]",
        "login",
        "{'ip': 1}",
        '{"ip": "1.2.3.4",}',
        '{"ip": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": "\x00"}',
        '{"a": "\x1f"}',
        '{"a": "\\x41"}',
        '{"a": "\\u12"}',
        '{"a": 01}',
        "\ufeff{}",
        "{} {}",
        json.dumps(make_body()) + "x",
        "\ufeff" + json.dumps(make_body()),
        json.dumps(make_body()) * 2,
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_body_that_is_no_json(body: str) -> None:
    assert reject_of(body=body) == ("invalid_json", None)


@pytest.mark.parametrize("body", [None, b"{}", {}, 5], ids=repr)
def test_body_that_is_no_text(body: object) -> None:
    assert outcome(make_record() | {"body": body}) == ("invalid_json", None)


def test_record_without_body() -> None:
    record = make_record()
    del record["body"]
    assert outcome(record) == ("invalid_json", None)


@pytest.mark.parametrize("body", ["null", "true", "17", "1e400", '"text"', '"\\ud800"', "9" * 5000])
def test_body_that_is_no_object(body: str) -> None:
    assert reject_of(body=body) == ("not_an_object", None)


@pytest.mark.parametrize("white", [" ", "\n", "\r\n", "\t", "   \n"])
def test_white_space_around_the_body_is_json(white: str) -> None:
    login = login_of(body=white + json.dumps(make_body(), indent=1) + white)
    assert login.body.user_id == make_body()["user_id"]


@pytest.mark.parametrize("white", ["\v", "\f", "\xa0", "\x85", "\u2028", "\u3000", "\ufeff"])
def test_other_white_space_around_the_body_is_not(white: str) -> None:
    assert reject_of(body=json.dumps(make_body()) + white) == ("invalid_json", None)


def test_fields_are_taken_as_sent() -> None:
    login = login_of(message_id=MESSAGE_ID)
    assert (login.message_id, login.event_id, login.create_date) == (MESSAGE_ID, MESSAGE_ID, NOON_DATE)
    assert {name: getattr(login.body, name) for name in make_body()} == make_body()


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("value", [None, 0, 1.5, True, [], ["x"], {}, {"x": "y"}], ids=repr)
def test_field_of_another_type(field: str, value: object) -> None:
    if value is None and field not in REQUIRED:
        assert getattr(login_of(**{field: None}).body, field) is None
    else:
        assert reject_of(**{field: value}) == ("wrong_type", field)


@pytest.mark.parametrize("field", RULES)
def test_field_left_out(field: str) -> None:
    if field in REQUIRED:
        assert reject_of(**{field: ABSENT}) == ("missing_field", field)
    else:
        assert getattr(login_of(**{field: ABSENT}).body, field) is None


@pytest.mark.parametrize("letter", ["x", "é", "\N{GRINNING FACE}", '"', "\\"])
@pytest.mark.parametrize("field", LIMITED)
def test_lengths_count_characters(field: str, letter: str) -> None:
    shortest, longest = int(RULES[field].smallest), int(RULES[field].largest)
    for length in (shortest, longest):
        assert getattr(login_of(**{field: letter * length}).body, field) == letter * length
    assert reject_of(**{field: letter * (longest + 1)}) == ("too_long", field)
    assert reject_of(**{field: ""}) == ("empty", field)


@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "raw"])
@pytest.mark.parametrize("unstorable", ["\0", "\ud800", "\udc00\ud800"], ids=ascii)
@pytest.mark.parametrize("field", TEXTS)
def test_text_that_postgres_cannot_hold(field: str, unstorable: str, *, escaped: bool) -> None:
    value = make_body()[field] + unstorable
    raw = json.dumps(make_body(**{field: value}), ensure_ascii=escaped)
    assert reject_of(body=raw) == ("invalid_text", field)


@pytest.mark.parametrize("field", LIMITED)
@pytest.mark.parametrize(
    "text", ["\t\n\r", "\\N", "\\.", "a\u2028b", "\x7f", "\ufeff", '"', "\N{GRINNING FACE}", "é", "e\u0301"]
)
def test_any_other_text_is_kept(field: str, text: str) -> None:
    for ensure_ascii in (True, False):
        body = json.dumps(make_body(**{field: text}), ensure_ascii=ensure_ascii)
        assert getattr(login_of(body=body).body, field) == text


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [('"one"', '"two"', "two"), ("1", '"two"', "two"), ('"one"', "null", "wrong_type"), ('"one"', '""', "empty")],
)
def test_of_a_field_given_twice_the_last_one_holds(first: str, second: str, expected: str) -> None:
    body = json.dumps(make_body(user_id=ABSENT))[:-1] + f', "user_id": {first}, "user_id": {second}}}'
    assert_as_expected(make_record(body=body))
    got = outcome(make_record(body=body))
    assert (got["user_id"] if isinstance(got, dict) else got[0]) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"user_id": 1, "ip": "x", "locale": ""}, ("wrong_type", "user_id")),
        ({"ip": "x", "locale": ""}, ("empty", "locale")),
        ({"ip": "x", "app_version": "x"}, ("invalid_app_version", "app_version")),
        ({"device_id": "", "device_type": ABSENT}, ("missing_field", "device_type")),
    ],
    ids=label,
)
def test_of_several_faults_the_first_is_named(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert reject_of(**changes) == expected


@pytest.mark.parametrize(
    ("extra", "count"),
    [
        ("", 0),
        (', "x": null', 1),
        (', "x": 1, "y": 2', 2),
        (', "x": 1, "x": 2', 1),
        (', "x": {"ip": "1.1.1.1", "q": "\\"", "r": {"s": "t"}}', 1),
        (', "x": ["a", "b", "c"], "": "", "IP": "1.1.1.1"', 3),
        (', "\\u0078": 1, "x": 2', 1),
        (', "\\u0069p": "1.2.3.4"', 0),
        (', "user_id": "again"', 0),
        (', "user_id": "again", "x": 1e400', 1),
        (f', "x": {"9" * 5000}', 1),
        (', "x": "\\ud800\\u0000"', 1),
    ],
)
@pytest.mark.parametrize("locale", ["RU", None, ABSENT], ids=["text", "null", "absent"])
def test_unknown_fields_are_counted_and_ignored(locale: object, extra: str, count: int) -> None:
    record = make_record(body=json.dumps(make_body(locale=locale))[:-1] + extra + "}")
    assert_as_expected(record)
    assert login_of(body=record["body"]).unknown_fields == count
    rows = records_of(record, make_record(), record)
    assert [getattr(row, "unknown_fields", None) for row in rows] == [count, 0, count]
