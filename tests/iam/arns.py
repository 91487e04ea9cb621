"""Compares names with patterns as IAM does."""

import re
from functools import cache

PARTS = 6  # arn:partition:service:region:account:resource


def matches(pattern: str, value: str) -> bool:
    """Returns whether the value matches a pattern with `*` and `?`. The case of letters matters."""
    return _compiled(pattern).fullmatch(value) is not None


def matches_action(pattern: str, action: str) -> bool:
    """Returns whether an action matches. The case of letters does not matter.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    return matches(pattern.lower(), action.lower())


def matches_arn(pattern: str, arn: str) -> bool:
    """Returns whether an ARN matches. It compares each part between colons; the last part has the rest.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    if pattern == "*":
        return True
    wanted, found = pattern.split(":", PARTS - 1), arn.split(":", PARTS - 1)
    if len(wanted) < PARTS and wanted[-1].endswith("*"):  # a `*` at the end also matches colons
        return matches(pattern, arn)
    return len(wanted) == len(found) and all(map(matches, wanted, found))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = ({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)
