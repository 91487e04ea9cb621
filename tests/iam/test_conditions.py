"""Tests the condition operators with the examples and tables of the AWS documentation.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from typing import Any

import pytest

from tests.iam.arns import matches_action, matches_arn
from tests.iam.conditions import conditions_hold
from tests.iam.errors import UnsupportedPolicyError

QUEUE = "arn:aws:sqs:us-east-1:111122223333:logins"


@pytest.mark.parametrize(
    ("operator", "wanted", "fits", "fits_not"),
    [
        ("StringEquals", "Red", "Red", "red"),
        ("StringNotEquals", "Red", "red", "Red"),
        ("StringEqualsIgnoreCase", "Red", "rED", "rod"),
        ("StringNotEqualsIgnoreCase", "Red", "rod", "rED"),
        ("StringLike", "r?d*", "reddish", "rd"),
        ("StringNotLike", "r?d*", "rd", "reddish"),
        ("StringEquals", ["a", "b"], "b", "c"),
        ("StringNotEquals", ["a", "b"], "c", "b"),
        ("NumericEquals", "10", "10.0", "11"),
        ("NumericNotEquals", 10, "11", "10"),
        ("NumericLessThan", "10", "9", "10"),
        ("NumericLessThanEquals", "10", "10", "11"),
        ("NumericGreaterThan", "10", "11", "10"),
        ("NumericGreaterThanEquals", "10", "10", "9"),
        ("DateEquals", "2020-01-01T00:00:00Z", "1577836800", "1577836801"),
        ("DateNotEquals", "2020-01-01T00:00:00Z", "1577836801", "1577836800"),
        ("DateLessThan", "2020-01-01T00:00:00Z", "2019-12-31T23:59:59Z", "2020-01-01T00:00:00Z"),
        ("DateGreaterThan", "2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z", "2020-01-01T00:00:00Z"),
        ("Bool", "true", "true", "false"),
        ("Bool", False, "false", "true"),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", "qmluyxj5"),
        ("IpAddress", "203.0.113.0/24", "203.0.113.7", "203.0.114.7"),
        ("IpAddress", "203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("NotIpAddress", "2001:db8::/32", "2001:db9::1", "2001:db8::1"),
        ("ArnEquals", "arn:aws:sqs:*:111122223333:log*", QUEUE, "arn:aws:sqs:us-east-1:999999999999:logins"),
        ("ArnLike", "arn:aws:sqs:us-east-?:111122223333:logins", QUEUE, QUEUE.replace("1:1111", "11:1111")),
        ("ArnNotLike", "arn:aws:sqs:*:111122223333:*", "arn:aws:sns:us-east-1:111122223333:logins", QUEUE),
        ("ArnNotEquals", QUEUE, f"{QUEUE}2", QUEUE),
    ],
)
def test_operator_compares(operator: str, wanted: Any, fits: str, fits_not: str) -> None:
    assert conditions_hold({operator: {"key": wanted}}, {"key": fits})
    assert not conditions_hold({operator: {"key": wanted}}, {"key": fits_not})


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("ArnNotLike", True),
        ("NotIpAddress", True),
        ("Bool", False),
        ("StringEqualsIfExists", True),
        ("BoolIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
    ],
)
def test_key_that_is_absent(operator: str, holds: bool) -> None:
    assert conditions_hold({operator: {"key": "10.0.0.0"}}, {}) is holds


@pytest.mark.parametrize(("value", "found"), [("true", {}), ("false", {"key": "any"}), (False, {"key": ""})])
def test_null_asks_whether_there_is_a_key(value: Any, found: dict[str, str]) -> None:
    assert conditions_hold({"Null": {"key": value}}, found)
    assert not conditions_hold({"Null": {"key": value}}, {} if found else {"key": "any"})


@pytest.mark.parametrize(
    ("operator", "values", "holds"),
    [
        ("ForAllValues:StringEquals", ("a", "b"), True),
        ("ForAllValues:StringEquals", ("a", "c"), False),
        ("ForAnyValue:StringEquals", ("a", "c"), True),
        ("ForAnyValue:StringEquals", ("c", "d"), False),
        ("ForAllValues:StringNotEquals", ("c", "d"), True),
        ("ForAllValues:StringNotEquals", ("a", "c"), False),
        ("ForAnyValue:StringNotEquals", ("a", "c"), True),
    ],
)
def test_key_of_several_values(operator: str, values: tuple[str, ...], holds: bool) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html"""
    assert conditions_hold({operator: {"key": ["a", "b"]}}, {"key": values}) is holds


def test_all_operators_and_all_keys_must_hold() -> None:
    block = {"StringEquals": {"one": "1", "two": "2"}, "Bool": {"three": "true"}}
    context = {"ONE": "1", "Two": "2", "three": "true"}  # names of keys are case-insensitive
    assert conditions_hold(block, context)
    for key in context:
        assert not conditions_hold(block, {**context, key: "other"})


@pytest.mark.parametrize(
    ("block", "context"),
    [
        ({"StringMatches": {"key": "any"}}, {"key": "any"}),
        ({"ForEach:StringEquals": {"key": "any"}}, {"key": "any"}),
        ({"StringEquals": {"key": "${aws:username}"}}, {"key": "any"}),
        ({"StringEquals": {"key": "any"}}, {"key": ("any", "more")}),
    ],
)
def test_what_is_not_known_is_refused(block: Any, context: Any) -> None:
    with pytest.raises(UnsupportedPolicyError):
        conditions_hold(block, context)


@pytest.mark.parametrize(
    ("pattern", "arn", "fits"),
    [
        ("*", QUEUE, True),
        ("arn:aws:sqs:us-east-1:111122223333:log*", QUEUE, True),
        ("arn:aws:sqs:us-east-1:111122223333:Logins", QUEUE, False),
        ("arn:aws:sqs:us-east-1:111122223333:login", QUEUE, False),
        ("arn:aws:sqs:us-east-1:*", QUEUE, True),
        ("arn:aws:sqs:*:logins", QUEUE, False),
        ("arn:aws:ssm:us-east-1:1:parameter/*/salt", "arn:aws:ssm:us-east-1:1:parameter/a/b/salt", True),
        ("arn:aws:logs:us-east-1:1:log-group:one:*", "arn:aws:logs:us-east-1:1:log-group:one:log-stream:s", True),
        ("arn:aws:logs:us-east-1:1:log-group:one:*", "arn:aws:logs:us-east-1:1:log-group:one2:log-stream:s", False),
    ],
)
def test_arn_fits_part_by_part(pattern: str, arn: str, fits: bool) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"""
    assert matches_arn(pattern, arn) is fits


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("sqs:sendmessage", True), ("SQS:Send*", True), ("*", True), ("sqs:Send", False), ("sns:*", False)],
)
def test_action_fits_in_any_case(pattern: str, fits: bool) -> None:
    assert matches_action(pattern, "sqs:SendMessage") is fits
