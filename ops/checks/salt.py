"""Checks the salt: its form, its age, its value."""

import time
from collections.abc import Iterator

from botocore.exceptions import ClientError

from ops import operations
from ops.checks.finding import Finding, Status
from ops.target import Target

OLD_SALT_DAYS = 365


def check_salt(target: Target) -> Iterator[Finding]:
    """The newest version of the salt."""
    newest = target.salts.versions()[0]
    if newest["type"] != "SecureString":
        advice = "Create a new salt with `salt create` under another name: the value of this one may be known."
        yield Finding("salt", Status.ERROR, f"version {newest['version']} is a {newest['type']}", advice)
        return
    days = (time.time() - newest["created"].timestamp()) / 86_400
    found = f"version {newest['version']}, {days:.0f} days old"
    if days > OLD_SALT_DAYS:
        yield Finding("salt", Status.WARNING, found, "Consider `salt rotate`: docs/how-to/rotate.md.")
    else:
        yield Finding("salt", Status.OK, found)
    try:
        yield from _check_version(target, newest["version"])
        yield _check_value(target, newest["version"])
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "AccessDeniedException":
            raise
        advice = "Only who may invoke the function with the salt (MaskerFunctionName) can have it checked."
        yield Finding("salt value", Status.SKIPPED, "the caller may not have it checked", advice)


def _check_value(target: Target, newest: int) -> Finding:
    usable = target.call(operations.newest_salt_version)
    if usable == newest:
        return Finding("salt value", Status.OK, "usable")
    advice = "Its newest version is not the base64 of 32 bytes or more: `salt rotate`. Until then, nothing is written."
    return Finding("salt value", Status.ERROR, f"the newest usable version is {usable}", advice)


def _check_version(target: Target, newest: int) -> Iterator[Finding]:
    if not target.has_database:
        return
    known = target.call(operations.highest_salt_version)
    doubled = target.call(operations.doubled_salt_versions)
    found = f"{newest} is the newest in SSM, {known} the highest in the database"
    if doubled:
        found += f"; {', '.join(map(str, doubled))} had another key"
    if known > newest or newest in doubled:
        advice = "The parameter was re-created: `salt rotate` stores a version above all that the database knows."
        yield Finding("salt version", Status.ERROR, found, advice)
    elif doubled:
        advice = (
            "Pseudonyms of such a version can only be compared among rows that one key has masked; see the runbook."
        )
        yield Finding("salt version", Status.WARNING, found, advice)
    else:
        yield Finding("salt version", Status.OK, found)
