"""How IAM compares names with patterns."""

import re
from functools import cache

PARTS = 6  # arn:partition:service:region:account:resource


def matches(pattern: str, value: str) -> bool:
    """Whether the value fits a pattern of `*` and `?`; case counts."""
    return _compiled(pattern).fullmatch(value) is not None


def matches_action(pattern: str, action: str) -> bool:
    """Whether an action fits; case does not count.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    return matches(pattern.lower(), action.lower())


def matches_arn(pattern: str, arn: str) -> bool:
    """Whether an ARN fits. Each part between colons is compared alone; the last part takes all that remains.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    if pattern == "*":
        return True
    wanted, found = pattern.split(":", PARTS - 1), arn.split(":", PARTS - 1)
    if len(wanted) < PARTS and wanted[-1].endswith("*"):  # a last `*` goes beyond the colons
        return matches(pattern, arn)
    return len(wanted) == len(found) and all(map(matches, wanted, found))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = ({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)
