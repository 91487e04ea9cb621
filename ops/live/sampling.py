"""Samples all parts of a pipeline. A part that does not answer does not hide the others."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ops import operations
from ops.failures import explain
from ops.live.sample import MetricsSource, QueueFigures, Sample
from ops.queues import Queue

if TYPE_CHECKING:
    from ops.target import Target

Found = TypeVar("Found")


class Sampler:
    """Samples the parts of one pipeline. Without `metrics`, the figures from metrics stay unknown."""

    def __init__(self, target: "Target", metrics: MetricsSource | None) -> None:
        self._target = target
        self._metrics = metrics

    def sample(self) -> Sample:
        """Takes a sample of all parts."""
        troubles: dict[str, str] = {}
        target = self._target
        queue = _ask("queue", self._count_messages, troubles)
        database = _ask("database", lambda: target.call(operations.pulse), troubles) if target.has_database else None
        metrics = _ask("metrics", self._metrics.read, troubles) if self._metrics else None
        return Sample(time.time(), queue, database, metrics, troubles)

    def _count_messages(self) -> QueueFigures:
        target = self._target
        attributes = Queue(target.sqs, target.queue.url).attributes
        dead = Queue(target.sqs, target.dead_letters.url).attributes
        return QueueFigures(
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
            int(dead["ApproximateNumberOfMessages"]),
        )


def _ask(part: str, ask: Callable[[], Found], troubles: dict[str, str]) -> Found | None:
    """Returns the answer of a part, or records why there is none."""
    try:
        return ask()
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        troubles[part] = explained[1]
        return None
