"""An SQS event source mapping as AWS Lambda runs it, with `ReportBatchItemFailures` switched on.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html (batches and windows) and
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html (partial batch responses).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.sqs_batches import confirmed_ids
from ops.sqs_event import LARGEST_PAYLOAD, failed_messages, make_record, split_by_size

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    Record = dict[str, Any]

LARGEST_BATCH = 10_000  # messages
RECEIVE_AT_ONCE = 10  # SQS's limit for one receive or delete call
LONGEST_POLL = 20  # seconds, SQS's limit
DELETE_TRIES = 3
LONGEST_PAUSE = 30.0  # seconds between tries while SQS cannot be reached

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """The result of one batch, as message ids."""

    delivered: list[str]
    deleted: set[str]
    failed: set[str]
    error: Exception | None = None  # what the invocation raised; its text may hold values of the messages


@dataclass(frozen=True)
class EventSource:
    """Delivers a queue's messages to a function; any number of threads may call `run` at the same time.

    `invoke` takes an event and returns the function's response; any exception fails the batch. A batch closes when it
    holds `batch_size` messages, when `window_seconds` have passed since its first message, or at 6 MB. Failed messages
    stay in the queue. Its visibility timeout and redrive policy decide when they are redelivered or moved.
    """

    sqs: "SQSClient"
    queue_url: str
    invoke: Callable[["dict[str, list[Record]]"], object]
    batch_size: int = 10
    window_seconds: float = 0.0
    poll_seconds: int = LONGEST_POLL  # long polling: an idle `run` ends within this time after `stop` is set
    on_delivery: Callable[[Delivery], None] | None = None
    on_poll: Callable[[], None] | None = None  # called after each successful poll and the delivery of its messages

    def __post_init__(self) -> None:
        """Raises ValueError for settings that AWS would refuse."""
        if not 1 <= self.batch_size <= LARGEST_BATCH:
            raise ValueError(f"batch_size must be from 1 to {LARGEST_BATCH:,}")
        if not 0 <= self.window_seconds <= 300:  # noqa: PLR2004  AWS's limit, named in the message
            raise ValueError("window_seconds must be from 0 to 300")
        if self.batch_size > RECEIVE_AT_ONCE and self.window_seconds < 1:
            raise ValueError(f"a batch_size over {RECEIVE_AT_ONCE} needs window_seconds of at least 1")
        if not 1 <= self.poll_seconds <= LONGEST_POLL:
            raise ValueError(f"poll_seconds must be from 1 to {LONGEST_POLL}")

    def run(self, stop: threading.Event, *, until_empty: bool = False) -> None:
        """Polls and delivers until `stop` is set or a poll finds nothing; finishes the current batch first.

        Retries with growing pauses while SQS cannot be reached. Raises ClientError if SQS refuses the queue or the
        permission.
        """
        arn = self._queue_arn(stop)
        if arn is None:
            return
        pause = 0.0
        while not stop.wait(pause):
            messages: list[MessageTypeDef] = []
            failure: BotoCoreError | ClientError | None = None
            try:
                for message in self._collect(stop):
                    messages.append(message)  # noqa: PERF402  extend() would lose the messages before a failure
            except (BotoCoreError, ClientError) as error:
                failure = error
            for batch in split_by_size([make_record(message, arn) for message in messages]):
                delivery = self._deliver(batch)
                if self.on_delivery is not None:
                    self.on_delivery(delivery)
            if failure is None and self.on_poll is not None:
                self.on_poll()
            if until_empty and not messages and failure is None:
                return
            pause = 0.0 if failure is None else _next_pause(failure, pause)

    def _queue_arn(self, stop: threading.Event) -> str | None:
        pause = 0.0
        while not stop.wait(pause):
            try:
                answer = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])
                return answer["Attributes"]["QueueArn"]
            except (BotoCoreError, ClientError) as error:
                pause = _next_pause(error, pause)
        return None

    def _collect(self, stop: threading.Event) -> "Iterator[MessageTypeDef]":
        """Yields the messages of one batch, each as soon as it is received."""
        count = size = 0
        deadline = 0.0
        while count < self.batch_size and size < LARGEST_PAYLOAD and not stop.is_set():
            left = deadline - time.monotonic()
            if count and left <= 0:
                return
            received = self.sqs.receive_message(
                QueueUrl=self.queue_url,
                MaxNumberOfMessages=min(RECEIVE_AT_ONCE, self.batch_size - count),
                WaitTimeSeconds=min(LONGEST_POLL, int(left)) if count else self.poll_seconds,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if count and not received:
                stop.wait(min(0.1, left))  # SQS waits in whole seconds only; sleep for the rest of the window
            elif not received:
                return
            elif not count:
                deadline = time.monotonic() + self.window_seconds
            count += len(received)
            size += sum(len(message["Body"].encode()) for message in received)
            yield from received

    def _deliver(self, records: "list[Record]") -> Delivery:
        ids = [record["messageId"] for record in records]
        error: Exception | None = None
        try:
            failed = failed_messages(self.invoke({"Records": records}), ids)
        except Exception as exception:  # noqa: BLE001  whatever a function raises fails its batch, and nothing else
            logger.warning("the function failed on a batch of %d messages: %s", len(ids), type(exception).__name__)
            error, failed = exception, set(ids)
        done = {record["receiptHandle"]: record["messageId"] for record in records if record["messageId"] not in failed}
        return Delivery(ids, self._delete(done), failed, error)

    def _delete(self, handles: dict[str, str]) -> set[str]:
        """Deletes messages by receipt handle; returns the message ids that SQS has deleted."""
        deleted: set[str] = set()
        left = list(handles)
        for _ in range(DELETE_TRIES):
            again: list[str] = []
            for start in range(0, len(left), RECEIVE_AT_ONCE):
                chunk = left[start : start + RECEIVE_AT_ONCE]
                entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(chunk)]
                try:
                    answer = self.sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)  # type: ignore[arg-type]
                except (BotoCoreError, ClientError) as error:
                    logger.warning("SQS did not delete %d messages: %s", len(chunk), _code(error))
                    again += chunk
                    continue
                gone = confirmed_ids(answer)
                # SenderFault means an outdated handle: the message was received again in between.
                kept = {entry["Id"] for entry in answer.get("Failed", []) if not entry["SenderFault"]}
                deleted.update(handles[handle] for index, handle in enumerate(chunk) if str(index) in gone)
                again += [handle for index, handle in enumerate(chunk) if str(index) in kept]
            left = again
            if not left:
                break
        else:
            logger.warning("%d messages are done but not deleted: they will be delivered once more", len(left))
        return deleted


def _next_pause(error: BotoCoreError | ClientError, pause: float) -> float:
    """Returns the seconds to wait before the next try; raises `error` if waiting cannot help."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        if status < 500 and "Thrott" not in _code(error):  # noqa: PLR2004  HTTP: the client's fault
            raise error
    pause = min(LONGEST_PAUSE, pause * 2 or 1.0)
    logger.warning("SQS cannot be used (%s), trying again in %.0f s", _code(error), pause)
    return pause


def _code(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "unknown")
    return type(error).__name__
