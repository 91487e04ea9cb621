"""A worker that consumes the queue without Lambda, with the rules of an event source mapping and the same handler."""

import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_src.handler import get_resources, lambda_handler
from ops.errors import UsageError
from ops.event_source import Delivery, EventSource
from ops.queues import Queue
from ops.timing import smallest_visibility

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Context:
    """The Lambda context that the handler needs: the invocation's id and its remaining time."""

    def __init__(self, seconds: float) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Returns the milliseconds until the visibility timeout of the messages ends."""
        return max(0, int((self._end - time.monotonic()) * 1000))


class Tally:
    """The results of the deliveries, in messages. Raises UsageError if the health file cannot be written."""

    def __init__(self, health_file: Path | None, step: Callable[[int], None]) -> None:
        self.done = 0  # written or otherwise finished, and deleted
        self.failed = 0  # deliveries that failed: the messages stay in the queue
        self._health_file = health_file
        if health_file is not None:
            _check_health_file(health_file)
        self._step = step
        self._is_well = True

    def add(self, delivery: Delivery) -> None:
        """Adds a delivery to the counts."""
        self.done += len(delivery.deleted)
        self.failed += len(delivery.failed)
        self._is_well = len(delivery.failed) < len(delivery.delivered)
        self._step(len(delivery.deleted))

    def report_health(self) -> None:
        """Touches the health file, unless the last batch failed as a whole."""
        if self._health_file is not None and self._is_well:
            self._health_file.touch()


def work(
    sqs: "SQSClient",
    queue: Queue,
    tally: Tally,
    stop: threading.Event,
    *,
    batch_size: int,
    window_seconds: float,
    poll_seconds: int,
    until_empty: bool,
) -> None:
    """Polls and delivers until `stop` is set, or with `until_empty` until a poll finds nothing.

    Raises SettingsError; ValueError for a batch size or window that AWS would refuse, and for a queue that leaves no
    time for a write.
    """
    # Checked once here, so that wrong settings do not fail every batch.
    get_resources().quarantine.check_source(queue.arn)
    seconds = _time_for_a_batch(int(queue.attributes["VisibilityTimeout"]), window_seconds)

    def invoke(event: dict[str, list[dict[str, Any]]]) -> object:
        return lambda_handler(event, Context(seconds))  # type: ignore[arg-type]  # it asks for no more of a context

    source = EventSource(
        sqs, queue.url, invoke, batch_size, window_seconds, poll_seconds, tally.add, tally.report_health
    )
    try:
        source.run(stop, until_empty=until_empty)
    finally:
        get_resources().database.close()
        get_resources.cache_clear()


def _check_health_file(path: Path) -> None:
    """Removes the file of an earlier worker; raises UsageError if the file cannot be written."""
    try:
        path.touch()
        path.unlink()
    except OSError as error:
        raise UsageError(
            f"The health file {path} cannot be written: {error.strerror}. Give the worker a folder to write to (in a "
            "container: docker run --tmpfs /tmp), or name another --health-file."
        ) from None


def _time_for_a_batch(visibility_seconds: int, window_seconds: float) -> float:
    """Returns the seconds from the end of the window to the end of the visibility timeout; raises ValueError."""
    needed = smallest_visibility(window_seconds)
    if visibility_seconds < needed:
        raise ValueError(
            f"The queue's visibility timeout of {visibility_seconds} s leaves no time for a write after a batch window "
            f"of {window_seconds:g} s, so that every message would end in the dead-letter queue. Set its "
            f"VisibilityTimeout to {needed} or more"
        )
    return visibility_seconds - window_seconds
