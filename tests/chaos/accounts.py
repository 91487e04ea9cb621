"""The lines of the table that a run prints."""

from dataclasses import dataclass, field
from typing import Self

PROBLEMS_SHOWN = 5
ANY_FAULT = "(whichever)"


@dataclass
class Account:
    """A line of the table: events, but for `deliveries`."""

    strikes: int = 0
    sent: int = 0
    deliveries: int = 0
    rows: int = 0
    duplicates: int = 0
    dead: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    impossible: str = ""

    def __iadd__(self, other: "Account") -> Self:
        for name in ("strikes", "sent", "deliveries", "rows", "duplicates", "dead", "lost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.problems += other.problems
        return self


def summarize(problems: list[str]) -> str:
    """The first problems in full, the others as a number."""
    rest = len(problems) - PROBLEMS_SHOWN
    return "\n".join([*problems[:PROBLEMS_SHOWN], *([f"… and {rest} more"] if rest > 0 else [])])
