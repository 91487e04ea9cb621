"""The dead-letter queue: looked through without taking anything out, sent back to the queue, or thrown away."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lambda_src.normal_forms import normal_event_id
from lambda_src.parsing import event_key
from lambda_src.rejects import Reason
from lambda_src.sqs import make_event
from ops.event_source import make_record
from ops.queues import AT_ONCE, ATTRIBUTES_A_MESSAGE, Outgoing, Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import (
        MessageAttributeValueOutputTypeDef,
        MessageAttributeValueTypeDef,
        MessageTypeDef,
    )

HOLD_SECONDS = 300  # how long a letter stays hidden from others while it is worked on, unless told otherwise
WAVE = 500  # letters held at once
OWN_ATTRIBUTES = ("event_id", "sent_timestamp")  # of a copy; the others have to fit beside them
NOTES = ("reason", "field", "message_id")  # what the function writes on a letter


class Letter:
    """A message in the dead-letter queue."""

    def __init__(self, message: "MessageTypeDef", queue_arn: str) -> None:
        self.message = message
        self.record = make_record(message, queue_arn)
        self.event_key = event_key(make_event(self.record))
        self.event_id = normal_event_id(self.event_key)

    @property
    def message_id(self) -> str:
        """The messageId that it has in the dead-letter queue."""
        return self.message["MessageId"]

    @property
    def first_message_id(self) -> str:
        """The messageId that it had in the queue."""
        return self._note("message_id") or self.message_id

    @property
    def reason(self) -> str | None:
        """The reason that the function noted on it; None where SQS itself has moved it."""
        return self._note("reason")

    @property
    def field(self) -> str | None:
        """The field at fault that the function noted on it."""
        return self._note("field")

    @property
    def sent_timestamp(self) -> str:
        """When the queue first received the event, in milliseconds."""
        return _text(self.message, "sent_timestamp") or self.record["attributes"]["SentTimestamp"]

    @property
    def receive_count(self) -> int:
        """How often it was received; each listing adds one."""
        return int(self.record["attributes"].get("ApproximateReceiveCount", 0))

    @cached_property
    def user_id(self) -> str | None:
        """The user in its body, if one can be made out."""
        try:
            body = json.loads(self.message["Body"])
        except (ValueError, RecursionError):
            return None
        return body.get("user_id") if isinstance(body, dict) else None

    def copy(self, *, to_fifo: bool) -> tuple[Outgoing, int]:
        """The message to send to the queue, which is the same event there; and how many attributes had to go.

        SQS takes ten attributes. Those that make it the same event come first; the pipeline reads no others.
        """
        notes = NOTES if self._is_noted else ()
        others = {
            name: _outgoing(value)
            for name, value in sorted(self.message.get("MessageAttributes", {}).items())
            if name not in (*OWN_ATTRIBUTES, *notes)
        }
        kept = dict(list(others.items())[: ATTRIBUTES_A_MESSAGE - len(OWN_ATTRIBUTES)])
        own = {"event_id": self.event_key, "sent_timestamp": self.sent_timestamp}
        attributes = {**kept, **{name: _string(text) for name, text in own.items()}}
        copy: Outgoing = {"MessageBody": self.message["Body"], "MessageAttributes": attributes}
        if to_fifo:
            copy["MessageGroupId"] = self.record["attributes"].get("MessageGroupId", self.event_id)
            copy["MessageDeduplicationId"] = self.message_id
        return copy, len(others) - len(kept)

    def _note(self, name: str) -> str | None:
        return _text(self.message, name) if self._is_noted else None

    @cached_property
    def _is_noted(self) -> bool:
        # A producer may use names such as `reason` for something of its own.
        return _text(self.message, "message_id") is not None and _text(self.message, "reason") in set(Reason)


@dataclass(frozen=True)
class Filter:
    """Which letters a command is about; all of them where nothing is given."""

    reasons: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()  # of messages or events
    user_id: str | None = None

    def takes(self, letter: Letter, reason: str | None) -> bool:
        """Whether the command is about `letter`, whose reason is `reason`."""
        names = {letter.message_id, letter.first_message_id, letter.event_key, letter.event_id}
        return (
            (not self.reasons or (reason or "unknown") in self.reasons)
            and (not self.ids or not self.ids.isdisjoint(names))
            and (self.user_id is None or letter.user_id == self.user_id)
        )


FindReasons = Callable[[list[str]], dict[str, tuple[str, str | None]]]  # by event_id: reason and field


@dataclass
class Reader:
    """Goes through the dead-letter queue once; `close` gives back what it still holds."""

    queue: Queue
    find_reasons: FindReasons
    hold_seconds: int = HOLD_SECONDS
    held: dict[str, Letter] = field(default_factory=dict)  # by messageId
    _seen: set[str] = field(default_factory=set)

    def waves(self, limit: int | None = None, size: int = WAVE) -> Iterator[list[Letter]]:
        """Letters not seen before, up to `size` at a time, until there are no more or `limit` is reached."""
        is_empty = False
        while not is_empty and (limit is None or len(self._seen) < limit):
            wave: list[Letter] = []
            room = size if limit is None else min(size, limit - len(self._seen))
            known = 0  # letters in a row that are held no longer, so that the queue gives them again
            while len(wave) < room and known <= len(self._seen):
                messages = self.queue.receive(self.hold_seconds, at_once=min(AT_ONCE, room - len(wave)))
                if not messages:
                    is_empty = True
                    break
                letters = [Letter(message, self.queue.arn) for message in messages]
                new = [letter for letter in letters if letter.message_id not in self._seen]
                self.held |= {letter.message_id: letter for letter in letters}
                self._seen |= {letter.message_id for letter in new}
                wave += new
                known = 0 if new else known + len(letters)
            if not wave:
                return
            yield wave

    def find_reasons_of(self, letters: list[Letter]) -> dict[str, tuple[str | None, str | None]]:
        """Reason and field of each letter, by messageId: as noted on it, else as the database knows them."""
        unknown = sorted({letter.event_id for letter in letters if letter.reason is None})
        known = self.find_reasons(unknown) if unknown else {}
        return {
            letter.message_id: (letter.reason, letter.field)
            if letter.reason
            else known.get(letter.event_id, (None, None))
            for letter in letters
        }

    def choose(self, letters: list[Letter], chosen: Filter) -> list[Letter]:
        """Those that a command is about; asks for reasons only where they matter."""
        reasons = self.find_reasons_of(letters) if chosen.reasons else {}
        return [letter for letter in letters if chosen.takes(letter, reasons.get(letter.message_id, (None, None))[0])]

    def delete(self, letters: list[Letter]) -> int:
        """Takes letters out of the queue for good; returns how many SQS has confirmed."""
        deleted = self.queue.delete([letter.message for letter in letters])
        for letter in letters:
            self.held.pop(letter.message_id, None)
        return deleted

    def close(self) -> None:
        """Makes all that is still held visible again at once."""
        letters, self.held = list(self.held.values()), {}
        self.queue.give_back([letter.message for letter in letters])


@dataclass
class Redriven:
    """What became of the letters."""

    sent: int = 0  # events sent to the queue
    deleted: int = 0  # letters taken out
    came_back: int = 0  # events that were rejected anew during this very run: left alone
    failed: dict[str, str] = field(default_factory=dict)  # messageId: why SQS did not take it
    attributes_dropped: int = 0


def redrive(
    reader: Reader, target: Queue, chosen: Filter, *, limit: int | None, rate: float | None, step: Callable[[int], None]
) -> Redriven:
    """Sends a copy of each chosen letter to the queue, and deletes the letter once SQS has confirmed the copy.

    The copy is the same event as the letter (attributes `event_id` and `sent_timestamp`): whatever happens between
    sending and deleting, a second redrive of it cannot make a second row. `rate` is in events a second; `step` hears
    after each call how many letters were dealt with.
    """
    result = Redriven()
    redriven: set[str] = set()
    pace = _Pace(rate, reader.hold_seconds)
    for wave in reader.waves(limit, pace.wave):
        events: dict[str, list[Letter]] = {}
        for letter in reader.choose(wave, chosen):
            events.setdefault(letter.event_id, []).append(letter)
        # A letter that turns up after its event was sent may be the copy, rejected again: it is the only one then.
        result.came_back += len(events.keys() & redriven)
        groups = [letters for event_id, letters in events.items() if event_id not in redriven]
        for few in (groups[start : start + pace.at_once] for start in range(0, len(groups), pace.at_once)):
            pace.wait(len(few))
            copies = [letters[0].copy(to_fifo=target.is_fifo) for letters in few]
            failures = target.send([copy for copy, _ in copies])
            done = [letters for index, letters in enumerate(few) if index not in failures]
            redriven |= {letters[0].event_id for letters in done}
            result.deleted += reader.delete([letter for letters in done for letter in letters])
            result.sent += len(done)
            result.attributes_dropped += sum(copies[index][1] for index in range(len(few)) if index not in failures)
            result.failed |= {few[index][0].message_id: code for index, code in failures.items()}
            step(sum(len(letters) for letters in few))
    return result


class _Pace:
    """Keeps to a rate of events a second."""

    def __init__(self, rate: float | None, hold_seconds: int) -> None:
        self._rate = rate
        self._next = time.monotonic()
        self.at_once = AT_ONCE if rate is None else max(1, min(AT_ONCE, int(rate)))
        # So small that a letter is sent long before it is visible to others again.
        self.wave = WAVE if rate is None else max(1, min(WAVE, int(rate * hold_seconds / 3)))

    def wait(self, count: int) -> None:
        """Returns when `count` more events may go."""
        if self._rate is None:
            return
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = max(self._next, time.monotonic()) + count / self._rate


def _text(message: "MessageTypeDef", name: str) -> str | None:
    attributes = message.get("MessageAttributes", {})
    return attributes[name].get("StringValue") if name in attributes else None


def _outgoing(value: "MessageAttributeValueOutputTypeDef") -> "MessageAttributeValueTypeDef":
    return {key: value[key] for key in ("DataType", "StringValue", "BinaryValue") if key in value}  # type: ignore


def _string(text: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": text}
