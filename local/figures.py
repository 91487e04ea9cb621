"""Reads metrics of the local stack that is up, from its function's log and its emulator."""

import http.client
import json
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

from local.function_log import FunctionLog
from local.state import UP, Description
from ops.live.sample import Metrics

FUNCTION_LOG = "function.log"
MESSAGES = "/_ministack/sqs/messages?QueueUrl="
ANSWER_SECONDS = 5
MOST_BYTES = 8_000_000  # of an answer: the emulator lists every message, and is blocked meanwhile
PAUSE_SECONDS = 60  # after a longer answer


class LocalMetrics:
    """The metrics of one local stack."""

    def __init__(self, description: Description, directory: Path) -> None:
        """Takes the directory that `loginpipe` works in."""
        self._log = FunctionLog(directory / UP / FUNCTION_LOG)
        self._queue = description.queue
        self._ask_again_at = 0.0

    def read(self) -> Metrics:
        """Returns the newest metrics; raises OSError."""
        self._log.read()
        return Metrics(
            counts=self._log.counts,
            period_seconds=None,
            age_seconds=0,
            oldest_seconds=self._get_oldest_seconds(),
            last_error=self._log.last_error,
        )

    def _get_oldest_seconds(self) -> float | None:
        """Returns the age of the oldest message; 0 for an empty queue, None if the answer is missing or too large."""
        if time.monotonic() < self._ask_again_at:
            return None
        address = urlsplit(self._queue)
        connection = http.client.HTTPConnection(address.netloc, timeout=ANSWER_SECONDS)
        try:
            # MiniStack accepts only this host name for its queues.
            known_as = self._queue.replace(str(address.hostname), "localhost", 1)
            connection.request("GET", MESSAGES + quote(known_as, safe=""))
            answer = connection.getresponse()
            text = answer.read(MOST_BYTES)
        except http.client.HTTPException:
            return None
        finally:
            connection.close()
        if len(text) == MOST_BYTES:
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
            return None
        return _find_oldest(text) if answer.status == http.HTTPStatus.OK else None


def _find_oldest(text: bytes) -> float | None:
    regions = json.loads(text)["messages"].values()
    queues = [messages for region in regions for queues in region.values() for messages in queues.values()]
    if not queues:
        return None
    sent = [message["SentTimestamp"] for messages in queues for message in messages]
    return max(0.0, time.time() - min(sent)) if sent else 0.0
