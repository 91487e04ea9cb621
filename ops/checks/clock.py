"""Compares this machine's clock with other clocks."""

import email.utils
import time
from collections.abc import Iterator
from typing import Any

from ops.checks.finding import Finding, Status
from ops.target import Target

LARGEST_SKEW = 30  # seconds; AWS refuses signatures from 5 minutes on


def check_clock(target: Target) -> Iterator[Finding]:
    """Compares this clock with AWS's clock."""
    before = time.time()
    answer: Any = target.sqs.get_queue_attributes(QueueUrl=target.queue.url, AttributeNames=["QueueArn"])
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if date is None:
        yield Finding("clock", Status.SKIPPED, "the endpoint tells no time")
        return
    skew = email.utils.parsedate_to_datetime(date).timestamp() - before
    yield judge_skew("clock", skew, "AWS")


def judge_skew(check: str, skew: float, whose: str) -> Finding:
    """Returns the finding for a clock that is `skew` seconds behind another one."""
    found = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} {whose}"
    if abs(skew) > LARGEST_SKEW:
        return Finding(check, Status.ERROR, found, "Set the clock (NTP): AWS refuses what is signed at a wrong time.")
    return Finding(check, Status.OK, found)
