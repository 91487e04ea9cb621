"""One event of a file."""

from typing import NamedTuple


class Item(NamedTuple):
    """An event, named by its line or, in an array, by its position; from 1.

    `line` is where an event of an array begins. With a `fault` it cannot be sent.
    """

    number: int
    body: str
    line: int | None = None
    fault: str | None = None

    @property
    def place(self) -> str:
        """Where the event is, for people."""
        return f"Line {self.number}" if self.line is None else f"Event {self.number} (line {self.line})"
