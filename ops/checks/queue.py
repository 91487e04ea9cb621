"""Checks queue and dead-letter queue: redrive policy, retention, time for a write."""

import json
from collections.abc import Iterator

from ops.checks.finding import Finding, Status
from ops.queues import Queue
from ops.target import Target
from ops.timing import SHORTEST_SECONDS, WINDOW_SECONDS, smallest_visibility


def check_queue(target: Target) -> Iterator[Finding]:
    """The queue with its dead-letter queue."""
    queue = target.queue
    attributes = queue.attributes
    waiting = int(attributes["ApproximateNumberOfMessages"])
    yield Finding("queue", Status.OK, f"{queue.arn}, about {waiting:,} waiting")
    yield _judge_visibility(int(attributes["VisibilityTimeout"]))
    policy = json.loads(attributes.get("RedrivePolicy", "{}"))
    if "deadLetterTargetArn" not in policy:
        advice = "Set a RedrivePolicy with the dead-letter queue. Without it, a bad message is redelivered forever."
        yield Finding("redrive policy", Status.ERROR, "the queue has none", advice)
        return
    letters = target.dead_letters
    times = int(policy["maxReceiveCount"])
    named = f"{times} receives, then {policy['deadLetterTargetArn']}"
    if letters.arn != policy["deadLetterTargetArn"]:
        advice = f"It names another queue than DLQ_URL ({letters.arn}): correct one of the two."
        yield Finding("redrive policy", Status.ERROR, named, advice)
    elif times < 2:  # noqa: PLR2004  a second receive may only mean a restart
        yield Finding("redrive policy", Status.WARNING, named, "Allow a few receives: trouble of a moment uses up one.")
    else:
        yield Finding("redrive policy", Status.OK, named)
    yield from _check_retention(queue, letters)


def _judge_visibility(visibility: int) -> Finding:
    needed = smallest_visibility(WINDOW_SECONDS)
    if visibility >= needed:
        return Finding("visibility timeout", Status.OK, f"{visibility} s")
    found = (
        f"{visibility} s: less than {SHORTEST_SECONDS} s for a write remain after a batch window of {WINDOW_SECONDS} s"
    )
    advice = f"Set the queue's VisibilityTimeout to {needed} or more: a worker refuses such a queue."
    return Finding("visibility timeout", Status.ERROR, found, advice)


def _check_retention(queue: Queue, letters: Queue) -> Iterator[Finding]:
    kept = {name: int(each.attributes["MessageRetentionPeriod"]) for name, each in (("queue", queue), ("dlq", letters))}
    found = f"queue {kept['queue'] / 86_400:g} days, dead letters {kept['dlq'] / 86_400:g} days"
    if kept["dlq"] <= kept["queue"]:
        advice = "A dead letter's age counts from its first sending: keep dead letters longer than the queue does."
        yield Finding("retention of messages", Status.ERROR, found, advice)
    else:
        yield Finding("retention of messages", Status.OK, found)
    count = int(letters.attributes["ApproximateNumberOfMessages"])
    if count:
        advice = "See why with `dlq list`; then `dlq redrive` or `dlq purge`."
        yield Finding("dead letters", Status.WARNING, f"about {count:,}", advice)
    else:
        yield Finding("dead letters", Status.OK, "none")
