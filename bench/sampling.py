"""Best, median and spread of repeated measurements."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LOAD = Path("/proc/loadavg")


@dataclass(frozen=True)
class Sample:
    """What the rounds of one thing took, in seconds."""

    rounds: int
    best: float
    median: float
    tenth: float  # the 10th and the 90th percentile: the spread
    ninetieth: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Sample":
        """Of at least one measurement."""
        ordered = sorted(seconds)
        last = len(ordered) - 1
        return cls(
            len(ordered), ordered[0], statistics.median(ordered), ordered[round(last / 10)], ordered[round(last * 0.9)]
        )

    def as_dict(self) -> dict[str, Any]:
        """For the results' JSON; seconds with nine digits after the point."""
        return {name: round(value, 9) for name, value in asdict(self).items()}


def in_turns(rounds: int, turns: Iterable[Callable[[int], None]]) -> None:
    """Lets each of `turns` measure once a round, in an order that rotates: neighbours and drift hit all alike."""
    order = list(turns)
    for number in range(rounds):
        for turn in order[number % len(order) :] + order[: number % len(order)]:
            turn(number)


def load_average() -> float | None:
    """Processes that wanted to run in the last minute, ours included; None where the system does not tell."""
    with suppress(OSError):
        return float(LOAD.read_text(encoding="ascii").split()[0])
    return None
