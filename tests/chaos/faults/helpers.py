"""What several faults need: a rule in force, events of a certain kind."""

import contextlib
import datetime
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.chaos.pipeline import Pipeline
from tests.chaos.proxy import Rule


def padded(pipeline: Pipeline, size: int, **spoil: str) -> tuple[str, dict[str, str]]:
    """A good event, or one that is spoiled by other values, whose body has so many bytes."""
    fields = {**json.loads(named(pipeline, None)[0]), **spoil, "padding": ""}
    fields["padding"] = "x" * (size - len(json.dumps(fields)))
    return json.dumps(fields), {}


@contextmanager
def armed(pipeline: Pipeline, rule: Rule) -> Iterator[None]:
    """Within the block the proxy follows the rule; afterwards nothing is left of it."""
    pipeline.proxy.arm(rule)
    try:
        yield
    finally:
        pipeline.proxy.arm(None)
        pipeline.proxy.end_silence()


def resume(processes: list[psutil.Process]) -> None:
    """Continues what was suspended, if it is still there."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.resume()


def named(pipeline: Pipeline, name: str | None) -> tuple[str, dict[str, str]]:
    """A good event, with an id of the producer's own or without."""
    while True:
        body, _ = pipeline.make_event()
        if pipeline.ledger.is_good(body):
            break
    return body, {"event_id": name, "sent_timestamp": str(int(time.time() * 1000))} if name else {}


def send_of_month(pipeline: Pipeline, month: str, count: int) -> None:
    """Sends so many good events of a month, given by its first day."""
    sent = str(int(datetime.datetime.fromisoformat(f"{month}T12:00:00+00:00").timestamp() * 1000))
    names = [str(uuid.uuid4()) for _ in range(count)]
    pipeline.send([(named(pipeline, name)[0], {"event_id": name, "sent_timestamp": sent}) for name in names])


def partition_of(month: str) -> str:
    """The name of the partition of a month."""
    return f"user_logins_{month[:7].replace('-', '_')}"


def bounds(month: str) -> str:
    """The bounds of the partition of a month, in SQL."""
    return f"FOR VALUES FROM ('{month}') TO ('{month}'::date + interval '1 month')"
