"""Reads the dead-letter queue without removing anything."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lambda_src.sqs_batches import MESSAGES_PER_CALL
from ops.letters import Filter, Letter
from ops.queues import Queue

HOLD_SECONDS = 300  # default seconds for which a received dead letter is hidden from other consumers
WAVE = 500  # dead letters that are held at the same time

FindReasons = Callable[[list[str]], dict[str, tuple[str, str | None]]]  # by event_id: reason and field


@dataclass
class Reader:
    """Reads through the dead-letter queue once; `close` makes the dead letters visible that it still holds."""

    queue: Queue
    find_reasons: FindReasons
    hold_seconds: int = HOLD_SECONDS
    held: dict[str, Letter] = field(default_factory=dict)  # by messageId
    _seen: set[str] = field(default_factory=set)

    def waves(self, limit: int | None = None, size: int = WAVE) -> Iterator[list[Letter]]:
        """Yields new dead letters, up to `size` at a time, until there are no more or `limit` is reached."""
        is_empty = False
        while not is_empty and (limit is None or len(self._seen) < limit):
            wave: list[Letter] = []
            room = size if limit is None else min(size, limit - len(self._seen))
            known = 0  # known dead letters received in a row: their visibility timeout has passed
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
        """Returns reason and field of each dead letter by messageId, from its attributes, else from the database."""
        unknown = sorted({letter.event_id for letter in letters if letter.reason is None})
        known = self.find_reasons(unknown) if unknown else {}
        return {
            letter.message_id: (letter.reason, letter.field)
            if letter.reason
            else known.get(letter.event_id, (None, None))
            for letter in letters
        }

    def choose(self, letters: list[Letter], chosen: Filter) -> list[Letter]:
        """Returns the dead letters that a command selects; looks up reasons only if the selection needs them."""
        reasons = self.find_reasons_of(letters) if chosen.reasons else {}
        return [letter for letter in letters if chosen.takes(letter, reasons.get(letter.message_id, (None, None))[0])]

    def delete(self, letters: list[Letter]) -> int:
        """Deletes dead letters from the queue; returns how many SQS has confirmed."""
        deleted = self.queue.delete([letter.message for letter in letters])
        for letter in letters:
            self.held.pop(letter.message_id, None)
        return deleted

    def close(self) -> None:
        """Makes all held dead letters visible again at once."""
        letters, self.held = list(self.held.values()), {}
        self.queue.give_back([letter.message for letter in letters])
