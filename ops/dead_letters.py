"""The dead-letter queue, looked through without taking anything out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lambda_src.sqs_batches import MESSAGES_PER_CALL
from ops.letters import Filter, Letter
from ops.queues import Queue

HOLD_SECONDS = 300  # how long a letter stays hidden from others while it is worked on, unless told otherwise
WAVE = 500  # letters held at once

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
                messages = self.queue.receive(self.hold_seconds, at_once=min(MESSAGES_PER_CALL, room - len(wave)))
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
