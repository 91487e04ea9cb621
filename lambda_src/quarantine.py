"""Sends rejected messages to the dead-letter queue, so that SQS does not redeliver them.

Only infrastructure failures count towards maxReceiveCount then.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from lambda_src.dead_letter import make_letter
from lambda_src.errors import SettingsError
from lambda_src.outcome import BatchResult
from lambda_src.rejects import Reject
from lambda_src.sqs import Message, is_same_queue
from lambda_src.sqs_batches import ATTRIBUTES_PER_MESSAGE, LARGEST_MESSAGE, confirmed_ids, message_size, pack
from lambda_src.unpacking import unpack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    Entry = SendMessageBatchRequestEntryTypeDef

# One attempt per call. A message that SQS did not confirm is redelivered.
CONNECT_SECONDS, READ_SECONDS = 1, 2
CLIENT_CONFIG = Config(
    connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"mode": "standard", "total_max_attempts": 1}
)

logger = logging.getLogger(__name__)


class Quarantine:
    """Sends rejects to the dead-letter queue. Without a URL, quarantine is off."""

    def __init__(self, queue_url: str | None, region: str | None, envelope: str | None) -> None:
        self._queue_url = queue_url
        self._region = region
        self._envelope = envelope

    def check_source(self, queue_arn: object) -> None:
        """Raises SettingsError if the dead-letter queue is the queue itself: rejects would circulate forever."""
        if self._queue_url is not None and is_same_queue(self._queue_url, queue_arn):
            raise SettingsError(
                "The environment cannot be used. DLQ_URL is the queue that the messages come from: it must be the "
                "dead-letter queue."
            )

    def send(self, result: BatchResult, messages: Iterable[Message], give_up_at: float) -> set[str]:
        """Sends a dead letter for each reject; returns the messageIds that the queue has to deliver again.

        These are the messages of events that were not written, and of dead letters that SQS did not confirm. Stops
        when too little time for a call is left before `give_up_at` (time.monotonic()), and after the first call that
        fails as a whole. A dead letter above SQS's limits is not sent. The redrive policy moves its message.
        """
        failed = set(result.failed)
        # A failed message is redelivered, and its rejects with it.
        rejects = [reject for reject in result.rejects if reject.message_id not in failed]
        missing = {(reject.message_id, reject.place) for reject in rejects}
        if rejects and self._queue_url is not None:
            missing -= self._send(self._queue_url, _make_entries(rejects, messages, self._envelope), give_up_at)
        return failed | {message_id for message_id, _ in missing}

    def _send(
        self, queue_url: str, letters: "Iterable[tuple[Reject, Entry, int]]", give_up_at: float
    ) -> set[tuple[str, int | None]]:
        """Returns messageId and event index of each dead letter that SQS has confirmed."""
        confirmed: set[tuple[str, int | None]] = set()
        for call in pack(letters, itemgetter(2)):
            if time.monotonic() + CONNECT_SECONDS + READ_SECONDS > give_up_at:
                logger.warning("quarantine has no time left, the rest stays in the queue")
                break
            entries: list[Entry] = [{**entry, "Id": str(number)} for number, (_, entry, _) in enumerate(call)]
            try:
                answer = self._sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
                sent = confirmed_ids(answer)
            except Exception as error:  # noqa: BLE001  The rows are committed, so no error here may fail the invocation.
                logger.warning("quarantine failed, the rest stays in the queue", extra={"error": type(error).__name__})
                break
            for reject, entry in zip((reject for reject, _, _ in call), entries, strict=True):
                if entry["Id"] in sent:
                    confirmed.add((reject.message_id, reject.place))
        return confirmed

    @cached_property
    def _sqs(self) -> "SQSClient":
        return boto3.client("sqs", region_name=self._region, config=CLIENT_CONFIG)


def _make_entries(
    rejects: Iterable[Reject], messages: Iterable[Message], envelope: str | None
) -> "Iterator[tuple[Reject, Entry, int]]":
    """Yields the dead letter of each reject that can be sent, once, with its size in bytes."""
    by_message: dict[str, dict[int | None, Reject]] = {}
    for reject in rejects:
        by_message.setdefault(reject.message_id, {})[reject.place] = reject
    for message in {message["messageId"]: message for message in messages}.values():
        if message["messageId"] not in by_message:
            continue
        events = list(unpack([message], envelope))
        for place, reject in by_message[message["messageId"]].items():
            try:
                entry = make_letter(reject, events[place or 0], message)
                size = message_size(entry["MessageBody"], entry["MessageAttributes"])
            except (AttributeError, KeyError, TypeError, ValueError):
                continue  # the message is not in SQS's form, so SQS would refuse the copy
            if size <= LARGEST_MESSAGE and len(entry["MessageAttributes"]) <= ATTRIBUTES_PER_MESSAGE:
                yield reject, entry, size
