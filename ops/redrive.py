"""Sends dead letters back to the queue: each event at least once, and none is lost."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lambda_src.sqs_batches import MESSAGES_PER_CALL
from ops.dead_letters import WAVE, Reader
from ops.letters import Filter, Letter
from ops.queues import Queue


@dataclass
class Redriven:
    """The result of a redrive."""

    sent: int = 0  # events sent to the queue
    deleted: int = 0  # dead letters deleted
    came_back: int = 0  # events that were rejected again during this run; their dead letters stay
    failed: dict[str, str] = field(default_factory=dict)  # messageId: why SQS did not take it
    attributes_dropped: int = 0


def redrive(
    reader: Reader, target: Queue, chosen: Filter, *, limit: int | None, rate: float | None, step: Callable[[int], None]
) -> Redriven:
    """Sends a copy of each selected dead letter to the queue, and deletes the dead letter after SQS's confirmation.

    The copy has the identity of the event (attributes `event_id` and `sent_timestamp`). So a second redrive after a
    failure between sending and deleting cannot make a second row. `rate` is in events per second. `step` is called
    after each call to SQS with the number of handled dead letters.
    """
    result = Redriven()
    redriven: set[str] = set()
    pace = _Pace(rate, reader.hold_seconds)
    for wave in reader.waves(limit, pace.wave):
        events: dict[str, list[Letter]] = {}
        for letter in reader.choose(wave, chosen):
            events.setdefault(letter.event_id, []).append(letter)
        # A dead letter that arrives after its event was sent may be the copy, rejected again. It must not be deleted.
        result.came_back += len(events.keys() & redriven)
        groups = [letters for event_id, letters in events.items() if event_id not in redriven]
        for few in (groups[start : start + pace.at_once] for start in range(0, len(groups), pace.at_once)):
            pace.wait(len(few))
            copies = [letters[0].copy(to_fifo=target.is_fifo) for letters in few]
            failures = target.send([copy for copy, _ in copies]).failures
            done = [letters for index, letters in enumerate(few) if index not in failures]
            redriven |= {letters[0].event_id for letters in done}
            result.deleted += reader.delete([letter for letters in done for letter in letters])
            result.sent += len(done)
            result.attributes_dropped += sum(copies[index][1] for index in range(len(few)) if index not in failures)
            result.failed |= {few[index][0].message_id: code for index, code in failures.items()}
            step(sum(len(letters) for letters in few))
    return result


class _Pace:
    """Limits the rate of events per second."""

    def __init__(self, rate: float | None, hold_seconds: int) -> None:
        self._rate = rate
        self._next = time.monotonic()
        self.at_once = MESSAGES_PER_CALL if rate is None else max(1, min(MESSAGES_PER_CALL, int(rate)))
        # Small enough to send a dead letter long before its visibility timeout ends.
        self.wave = WAVE if rate is None else max(1, min(WAVE, int(rate * hold_seconds / 3)))

    def wait(self, count: int) -> None:
        """Waits until `count` more events may be sent."""
        if self._rate is None:
            return
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = max(self._next, time.monotonic()) + count / self._rate
