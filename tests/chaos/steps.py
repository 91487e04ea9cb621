"""The steps of a write as the proxy before Postgres sees them, and what may go wrong at each."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


class Step(Enum):
    """A message of the function, as it arrives here."""

    STARTUP = auto()  # the first message of a connection
    BEGIN = auto()
    COPY = auto()
    DATA = auto()  # the first CopyData of a COPY
    DATA_END = auto()  # CopyDone
    COMMIT = auto()
    TERMINATE = auto()


class Cut(Enum):
    """What happens to the connection at a step."""

    BEFORE = auto()  # reset; Postgres never sees the message
    HALF = auto()  # Postgres gets half of the message, then both sides are reset
    AFTER = auto()  # Postgres gets the message, the function is reset at once
    ANSWERED = auto()  # Postgres gets the message and answers; the function is reset in place of the answer
    SILENCE = auto()  # nothing is passed on any more, in either direction, until the function gives up
    ORPHAN = auto()  # the same, and Postgres does not even learn that the function has given up
    NOTHING = auto()  # passed on; for what `call` does


@dataclass
class Rule:
    """Do `cut` at the next `times` arrivals of `step`; `call` is called just before."""

    step: Step
    cut: Cut
    times: int = 1
    call: Callable[[], object] = lambda: None
    fired: int = 0


class Event(Enum):
    """What a proxy counts beside the rules that have fired."""

    IN_BYTES = auto()  # a message that was sent byte by byte
    DELAYED = auto()  # a message of Postgres that had to wait
    GIVEN_UP = auto()  # a silent connection that the function has closed
