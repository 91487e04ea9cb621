"""The dead-letter queue as SQS gives it: in any order, some letters more than once."""

from typing import Any

from ops.dead_letters import Reader


class Queue:
    """A queue that gives its letters again and again, as one whose visibility timeout is over."""

    arn = "arn:aws:sqs:eu-central-1:123456789012:dead-letters"

    def __init__(self, count: int) -> None:
        self._next = 0
        self._count = count

    def receive(self, _visibility_seconds: int, *, at_once: int) -> list[Any]:
        """The next ones, and after the last the first."""
        numbers = [(self._next + place) % self._count for place in range(min(at_once, self._count))]
        self._next = (numbers[-1] + 1) % self._count
        return [
            {"MessageId": f"letter {number}", "ReceiptHandle": str(number), "Body": "{}", "MD5OfBody": "digest"}
            for number in numbers
        ]


def test_letters_that_come_again_and_again_are_seen_once() -> None:
    queue: Any = Queue(25)
    waves = list(Reader(queue, lambda _: {}).waves(size=12))
    names = [letter.message_id for wave in waves for letter in wave]
    assert sorted(names) == sorted(f"letter {number}" for number in range(25))
    assert max(len(wave) for wave in waves) <= 12


def test_no_more_letters_are_seen_than_asked_for() -> None:
    queue: Any = Queue(25)
    assert [len(wave) for wave in Reader(queue, lambda _: {}).waves(limit=7, size=5)] == [5, 2]
