"""Sends the events of a file to the queue, each exactly once, even if the sending is killed and resumed."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import ClientError, EndpointConnectionError

from lambda_src.identity import Event
from lambda_src.parsing import parse_event
from lambda_src.rejects import RecordError
from lambda_src.sqs_batches import LARGEST_MESSAGE, MESSAGES_PER_CALL
from ops.errors import OpsError
from ops.items import Item
from ops.packing import Parcel
from ops.queues import Outgoing, Queue
from ops.wrapping import wrap

JOURNAL_SUFFIX = ".sending"
A_TIME = "1700000000000"  # milliseconds: SQS sets one for each message
ROOM = 1024  # bytes of a message that are reserved for its attributes and an envelope


class BadItem(NamedTuple):
    """An event that the pipeline would reject, without its values."""

    number: int
    line: int | None
    reason: str
    field: str | None

    @property
    def place(self) -> str:
        """The event's position, as text for people."""
        return Item(self.number, "", self.line).place


def find_unsendable(items: list[Item]) -> list[BadItem]:
    """Returns the events that SQS cannot accept: their text is not valid, or they exceed the message size."""
    found = []
    for item in items:
        reason = item.fault
        if reason is None and _is_no_text(item.body):
            reason = "invalid_utf8"
        elif reason is None and len(item.body.encode()) > LARGEST_MESSAGE - ROOM:
            reason = "too_large"
        if reason is not None:
            found.append(BadItem(item.number, item.line, reason, None))
    return found


def find_bad(items: list[Item]) -> list[BadItem]:
    """Returns the events that the pipeline would reject, according to its own contract."""
    bad = []
    for item in items:
        try:
            parse_event(Event(str(item.number), item.body, None, None, A_TIME))
        except RecordError as error:
            bad.append(BadItem(item.number, item.line, error.reason.value, error.field))
    return bad


def _is_no_text(body: str) -> bool:
    try:
        body.encode()
    except UnicodeEncodeError:
        return True
    return False


@dataclass
class Journal:
    """The progress of sending one file. It is stored beside the file, and removed when everything is sent.

    A message's `event_id` follows from `run` and the number of its first event, and all messages share one
    `sent_timestamp`. So a message whose confirmation was not recorded can be sent again as the same events.
    """

    path: Path | None  # None for standard input: progress is not stored
    checksum: str
    queue_url: str
    run: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    sent: int = 0  # number of sent items, from the start of the file
    is_new: bool = True  # whether the sending starts now, and is not resumed

    @classmethod
    def open(cls, file: Path | None, text: str, queue_url: str) -> "Journal":
        """Reads the journal beside the file, or makes a new one; raises OpsError if it belongs to another sending."""
        checksum = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if file is None:
            return cls(None, checksum, queue_url)
        path = file.with_name(file.name + JOURNAL_SUFFIX)
        if not path.exists():
            return cls(path, checksum, queue_url)
        try:
            journal = cls(path, **json.loads(path.read_text(encoding="utf-8")), is_new=False)
        except (ValueError, TypeError):
            raise OpsError(f"{path} is not what an interrupted `send` leaves. Look at it, then remove it.") from None
        if (journal.checksum, journal.queue_url) != (checksum, queue_url):
            raise OpsError(
                f"{path} says that a sending was interrupted, of another version of this file, to another queue "
                "or with other options. "
                "Finish that one first, or remove the journal to begin anew."
            )
        return journal

    def save(self) -> None:
        """Writes the journal atomically."""
        if self.path is None:
            return
        fields = {name: value for name, value in asdict(self).items() if name not in ("path", "is_new")}
        draft = self.path.with_name(self.path.name + ".new")
        draft.write_text(json.dumps(fields), encoding="utf-8")
        draft.replace(self.path)

    def close(self) -> None:
        """Removes the journal after the file is sent."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def message(self, parcel: Parcel, envelope: str | None) -> Outgoing:
        """Returns the message of a parcel; the same parcel always gives the same message."""
        event_id = str(uuid.uuid5(uuid.UUID(self.run), str(parcel.items[0].number)))
        body = parcel.body if envelope is None else wrap(parcel.body, envelope, event_id, self.started)
        message: Outgoing = {
            "MessageBody": body,
            "MessageAttributes": {
                "event_id": {"DataType": "String", "StringValue": event_id},
                "sent_timestamp": {"DataType": "String", "StringValue": str(self.started)},
            },
        }
        if self.queue_url.endswith(".fifo"):
            message |= {"MessageGroupId": event_id, "MessageDeduplicationId": event_id}
        return message


def send_parcels(
    parcels: Iterable[Parcel], queue: Queue, journal: Journal, envelope: str | None, step: Callable[[int], None]
) -> Iterator[tuple[Item, str]]:
    """Sends the items after the journal's position; yields each item that SQS refuses, with its error code.

    If the first call certainly sent nothing, the journal is removed. Otherwise it would block a corrected command.
    """
    journal.save()
    left = iter(parcels)
    passed = 0
    while passed < journal.sent and (parcel := next(left, None)) is not None:
        passed += len(parcel.items)
    while chunk := list(islice(left, MESSAGES_PER_CALL)):
        try:
            failures = queue.send([journal.message(parcel, envelope) for parcel in chunk]).failures
        except (ClientError, EndpointConnectionError) as error:
            if journal.sent == 0 and journal.is_new and _has_sent_nothing(error):
                journal.close()
            raise
        count = sum(len(parcel.items) for parcel in chunk)
        journal.sent += count
        journal.save()
        step(count)
        for index, code in failures.items():
            yield from ((item, code) for item in chunk[index].items)
    journal.close()


def _has_sent_nothing(error: ClientError | EndpointConnectionError) -> bool:
    """Returns whether SQS was not reached, or refused the whole call."""
    if isinstance(error, EndpointConnectionError):
        return True
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < HTTPStatus.INTERNAL_SERVER_ERROR
