"""Evaluates the condition operators of IAM.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from tests.iam.arns import matches, matches_arn
from tests.iam.errors import UnsupportedPolicyError

Context = Mapping[str, str | tuple[str, ...]]  # a key with several values has a tuple
Test = Callable[[str, str], bool]  # takes the value of the policy and the value of the request


def _moment(text: str) -> datetime:
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    return datetime.fromisoformat(text)


def _ordered(kind: str, convert: Callable[[str], Any]) -> dict[str, Test]:
    return {
        f"{kind}Equals": lambda wanted, found: convert(found) == convert(wanted),
        f"{kind}LessThan": lambda wanted, found: convert(found) < convert(wanted),
        f"{kind}LessThanEquals": lambda wanted, found: convert(found) <= convert(wanted),
        f"{kind}GreaterThan": lambda wanted, found: convert(found) > convert(wanted),
        f"{kind}GreaterThanEquals": lambda wanted, found: convert(found) >= convert(wanted),
    }


TESTS: dict[str, Test] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringEqualsIgnoreCase": lambda wanted, found: wanted.lower() == found.lower(),
    "StringLike": matches,
    "ArnEquals": matches_arn,
    "ArnLike": matches_arn,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "BinaryEquals": lambda wanted, found: wanted == found,
    "IpAddress": lambda wanted, found: ip_address(found) in ip_network(wanted),
    **_ordered("Numeric", float),
    **_ordered("Date", _moment),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


def conditions_hold(block: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Returns whether all conditions of a statement hold. Raises UnsupportedPolicyError for an unknown operator."""
    found = {key.lower(): value for key, value in context.items()}
    return all(
        _holds(operator, as_texts(wanted), found.get(key.lower()))
        for operator, keys in block.items()
        for key, wanted in keys.items()
    )


def as_texts(value: Any) -> tuple[str, ...]:
    """Returns one value or a list of values as texts. JSON's true and false become `true` and `false`."""
    values = value if isinstance(value, list) else [value]
    texts = tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in values)
    if any("${" in text for text in texts):
        raise UnsupportedPolicyError("Policy variables are not supported.")
    return texts


def _holds(operator: str, wanted: tuple[str, ...], found: str | tuple[str, ...] | None) -> bool:
    qualifier, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    if name == "Null":
        return (found is None) == (wanted == ("true",))
    negated = name in NEGATED
    test = TESTS.get(NEGATED.get(name, name))
    if test is None or qualifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UnsupportedPolicyError(f"The condition operator {operator} is not supported.")
    values = (found,) if isinstance(found, str) else found or ()
    if not values:
        if name != rest or qualifier == "ForAllValues":
            return True
        return negated and not qualifier
    if len(values) > 1 and not qualifier:
        raise UnsupportedPolicyError(f"{operator} needs ForAllValues or ForAnyValue for a key of several values.")
    answers = [any(test(each, value) for each in wanted) != negated for value in values]
    return any(answers) if qualifier == "ForAnyValue" else all(answers)
