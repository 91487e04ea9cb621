"""Events from a file into the queue, each exactly once even if the sending is killed and taken up again."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import ClientError, EndpointConnectionError

from lambda_src.identity import Event
from lambda_src.parsing import parse_event
from lambda_src.rejects import RecordError
from lambda_src.sqs_batches import MESSAGES_PER_CALL
from ops.errors import OpsError
from ops.event_files import Item
from ops.queues import Outgoing, Queue

JOURNAL_SUFFIX = ".sending"
A_TIME = "1700000000000"  # milliseconds: SQS gives each message its own


class BadItem(NamedTuple):
    """An event that the pipeline would reject, without a value of it."""

    number: int
    reason: str
    field: str | None


def find_bad(items: list[Item]) -> list[BadItem]:
    """Those that the pipeline would reject, judged by its own contract."""
    bad = []
    for item in items:
        try:
            parse_event(Event(str(item.number), item.body, None, None, A_TIME))
        except RecordError as error:
            bad.append(BadItem(item.number, error.reason.value, error.field))
    return bad


@dataclass
class Journal:
    """How far the sending of one file has come: written beside it, removed when all is sent.

    A line's `event_id` follows from `run` and the line's number, and all lines share one `sent_timestamp`: a line that
    was sent without its confirmation being noted may be sent again, and is the same event.
    """

    path: Path | None  # None: nothing is kept, as for standard input
    checksum: str
    queue_url: str
    run: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    sent: int = 0  # items from the first on, as the file has them
    is_new: bool = True  # whether nobody has begun the sending before

    @classmethod
    def open(cls, file: Path | None, text: str, queue_url: str) -> "Journal":
        """The journal beside the file, or a fresh one; raises OpsError where it belongs to another sending."""
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
                f"{path} says that a sending was interrupted, of another version of this file or to another queue. "
                "Finish that one first, or remove the journal to begin anew."
            )
        return journal

    def save(self) -> None:
        """Writes it, all or nothing."""
        if self.path is None:
            return
        fields = {name: value for name, value in asdict(self).items() if name not in ("path", "is_new")}
        draft = self.path.with_name(self.path.name + ".new")
        draft.write_text(json.dumps(fields), encoding="utf-8")
        draft.replace(self.path)

    def close(self) -> None:
        """Removes it: the file is sent."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def message(self, item: Item) -> Outgoing:
        """The message of an item, the same each time it is made."""
        event_id = str(uuid.uuid5(uuid.UUID(self.run), str(item.number)))
        message: Outgoing = {
            "MessageBody": item.body,
            "MessageAttributes": {
                "event_id": {"DataType": "String", "StringValue": event_id},
                "sent_timestamp": {"DataType": "String", "StringValue": str(self.started)},
            },
        }
        if self.queue_url.endswith(".fifo"):
            message |= {"MessageGroupId": event_id, "MessageDeduplicationId": event_id}
        return message


def send_items(
    items: list[Item], queue: Queue, journal: Journal, step: Callable[[int], None]
) -> Iterator[tuple[Item, str]]:
    """Sends what the journal does not have as sent; yields each item that SQS refuses, with its code.

    Where the very first call certainly sent nothing, the journal goes: it would stand in the way of the right command.
    """
    journal.save()
    for start in range(journal.sent, len(items), MESSAGES_PER_CALL):
        chunk = items[start : start + MESSAGES_PER_CALL]
        try:
            failures = queue.send([journal.message(item) for item in chunk])
        except (ClientError, EndpointConnectionError) as error:
            if journal.sent == 0 and journal.is_new and _has_sent_nothing(error):
                journal.close()
            raise
        journal.sent = start + len(chunk)
        journal.save()
        step(len(chunk))
        yield from ((chunk[index], code) for index, code in failures.items())
    journal.close()


def _has_sent_nothing(error: ClientError | EndpointConnectionError) -> bool:
    """Whether SQS was not reached, or refused the call as such."""
    if isinstance(error, EndpointConnectionError):
        return True
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < HTTPStatus.INTERNAL_SERVER_ERROR
