"""Verifies the hash chain of the audit table: each hash includes the previous entry, so a change is detected."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ops.errors import UsageError
from ops.settings import OPERATOR_FUNCTIONS

if TYPE_CHECKING:
    from ops.operations.audits import Link
    from ops.target import Target

PAGE = 2000  # entries per call: fits into Lambda's response
HEAD = re.compile(r"([1-9][0-9]*):([0-9a-f]{64})")
LOGGED = re.compile(r"audit head " + HEAD.pattern)
LOG_FILTER = '"audit head"'


class Head(NamedTuple):
    """Number and hash of an entry that was the newest at some time."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass
class Verdict:
    """The faults of the table, its number of entries, and the newest entry's number and hash."""

    faults: list[str] = field(default_factory=list)
    entries: int = 0
    head: Head | None = None


def parse_head(text: str) -> Head:
    """Parses the value of --head; raises UsageError."""
    found = HEAD.fullmatch(text.strip())
    if found is None:
        raise UsageError("--head must be N:HASH, as the logs of the operator functions and `audit verify` show it.")
    return Head(int(found[1]), found[2])


def find_heads(target: "Target") -> list[Head]:
    """Returns the heads in the logs of the operator functions."""
    heads = set()
    for name in OPERATOR_FUNCTIONS:
        function = getattr(target.settings, name)
        if function is None:
            continue
        configuration = target.lambda_.get_function_configuration(FunctionName=function)
        group = configuration.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{function}")
        pages = target.logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=LOG_FILTER)
        for page in pages:
            for event in page["events"]:
                heads |= {Head(int(number), hash_) for number, hash_ in LOGGED.findall(event["message"])}
    return sorted(heads)


def verify(links: "Iterable[Link]", heads: Iterable[Head]) -> Verdict:
    """Checks entries, in the order of their numbers, against each other and against heads from another source."""
    verdict = Verdict()
    known: dict[int, set[str]] = {}
    for head in heads:
        known.setdefault(head.number, set()).add(head.hash)
    previous, expected = b"", 1
    for link in links:
        number, stored = link["id"], bytes.fromhex(link["hash"])
        if number != expected:
            verdict.faults.append(_missing(expected, number - 1))
        if hashlib.sha256(previous + link["line"].encode()).digest() != stored:
            verdict.faults.append(f"entry {number} does not follow the one before: one of them was changed or replaced")
        if known.pop(number, {link["hash"]}) != {link["hash"]}:
            verdict.faults.append(f"entry {number} is not the one whose head is known: it, or one before, was changed")
        previous, expected = stored, number + 1
        verdict.entries += 1
        verdict.head = Head(number, link["hash"])
    if known and max(known) >= expected:
        verdict.faults.append(_missing(expected, max(known)))
    return verdict


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
