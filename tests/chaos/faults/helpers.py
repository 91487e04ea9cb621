"""What several faults use: rules of the proxy, events of a certain kind, months."""

import contextlib
import datetime
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.chaos.events import now
from tests.chaos.pipeline import Pipeline
from tests.chaos.proxy import Rule


def padded(pipeline: Pipeline, size: int, **spoil: str) -> tuple[str, dict[str, str]]:
    """Return an event whose body has `size` bytes: a good one, unless `spoil` replaces values."""
    fields = {**json.loads(named(pipeline, None)[0]), **spoil, "padding": ""}
    fields["padding"] = "x" * (size - len(json.dumps(fields)))
    return json.dumps(fields), {}


@contextmanager
def armed(pipeline: Pipeline, rule: Rule) -> Iterator[None]:
    """Make the proxy follow the rule during the block. After the block it forgets the rule."""
    pipeline.proxy.arm(rule)
    try:
        yield
    finally:
        pipeline.proxy.arm(None)
        pipeline.proxy.end_silence()


def resume(processes: list[psutil.Process]) -> None:
    """Resume suspended processes that still exist."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.resume()


def named(pipeline: Pipeline, name: str | None) -> tuple[str, dict[str, str]]:
    """Return a good event, with `name` as the event_id that the producer chose, or without one."""
    while True:
        body, _ = pipeline.events.make()
        if pipeline.ledger.is_good(body):
            break
    return body, {"event_id": name, "sent_timestamp": now()} if name else {}


def send_of_month(pipeline: Pipeline, month: str, count: int) -> None:
    """Send `count` good events of the month with this first day."""
    sent = str(int(datetime.datetime.fromisoformat(f"{month}T12:00:00+00:00").timestamp() * 1000))
    names = [str(uuid.uuid4()) for _ in range(count)]
    pipeline.producer.send([(named(pipeline, name)[0], {"event_id": name, "sent_timestamp": sent}) for name in names])


def partition_of(month: str) -> str:
    """Return the name of a month's partition."""
    return f"user_logins_{month[:7].replace('-', '_')}"


def bounds(month: str) -> str:
    """Return the bounds of a month's partition, in SQL."""
    return f"FOR VALUES FROM ('{month}') TO ('{month}'::date + interval '1 month')"
