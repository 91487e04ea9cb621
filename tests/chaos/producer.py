"""The producer: it puts events into the queue, and enters each of them in the ledger."""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any

from local.queues import LoginQueue
from tests.chaos.events import Event, EventMaker, now
from tests.chaos.ledger import Ledger
from tests.chaos.queues import backlog

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MOST_WAITING = 1500  # messages in the queue, because MiniStack becomes slow with many
PORTION = 20  # events that the traffic sends at once
SENT_AGAIN = 0.04
BATCH = 10  # messages in one call of SQS

Record = dict[str, Any]


class Producer:
    """Sends events to one queue. `fault` names the fault that the ledger enters with each event."""

    def __init__(self, sqs: "SQSClient", queue: LoginQueue, ledger: Ledger, events: EventMaker, random: Random) -> None:
        self.fault = ""
        self._sqs = sqs
        self._queue = queue
        self._ledger = ledger
        self._events = events
        self._random = random
        self._sending = threading.Lock()

    def send(self, events: Sequence[Event]) -> None:
        """Put events into the queue, and some of them twice, as a producer does that got no answer."""
        again = [event for event in events if "event_id" in event[1] and self._random.random() < SENT_AGAIN]
        messages = [*events, *again]
        for start in range(0, len(messages), BATCH):
            batch = messages[start : start + BATCH]
            entries = [
                {
                    "Id": str(index),
                    "MessageBody": body,
                    "MessageAttributes": {
                        name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()
                    },
                }
                for index, (body, attributes) in enumerate(batch)
            ]
            answer = self._sqs.send_message_batch(QueueUrl=self._queue.url, Entries=entries)  # type: ignore[arg-type]
            for entry in answer["Successful"]:
                body, attributes = batch[int(entry["Id"])]
                self._ledger.record_sent(self.fault, entry["MessageId"], body, attributes)

    def make_records(self, events: Sequence[Event]) -> list[Record]:
        """Return events as records of a batch that a fault delivers without the queue."""
        records = []
        for body, attributes in events:
            record: Record = {
                "messageId": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
                "body": body,
                "attributes": {"SentTimestamp": now()},
                "messageAttributes": {
                    name: {"dataType": "String", "stringValue": text} for name, text in attributes.items()
                },
            }
            self._ledger.record_sent(self.fault, record["messageId"], body, attributes)
            records.append(record)
        return records

    @contextmanager
    def traffic(self, least: int) -> Iterator[None]:
        """Send events during the block as fast as the functions take them, and at least `least` before it ends."""
        stopping = threading.Event()
        sender = threading.Thread(target=self._send_traffic, args=(stopping, least), name="sender")
        sender.start()
        try:
            yield
        finally:
            stopping.set()
            sender.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Send no traffic during the block."""
        with self._sending:
            yield

    def _send_traffic(self, stopping: threading.Event, least: int) -> None:
        sent = 0
        while sent < least or not stopping.is_set():
            with self._sending:
                if backlog(self._sqs, self._queue) < MOST_WAITING:
                    self.send([self._events.make() for _ in range(PORTION)])
                    sent += PORTION
            time.sleep(0.01 if least > PORTION * 100 else 0.1)
