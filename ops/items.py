"""One event of a file."""

from typing import NamedTuple


class Item(NamedTuple):
    """An event of a file, numbered from 1 by its line or, in an array, by its position.

    `line` is the line on which an event of an array begins. An event with a `fault` cannot be sent.
    """

    number: int
    body: str
    line: int | None = None
    fault: str | None = None

    @property
    def place(self) -> str:
        """The event's position, as text for people."""
        return f"Line {self.number}" if self.line is None else f"Event {self.number} (line {self.line})"
