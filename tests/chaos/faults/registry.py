"""The faults by name, and the ways in which one can end."""

from collections.abc import Callable
from random import Random

from tests.chaos.pipeline import Pipeline

WAIT_SECONDS = 20  # until the traffic must have met a fault
Strike = Callable[[Pipeline, Random], int]  # returns how often the fault has happened


class PromiseError(Exception):
    """The pipeline broke a promise that the comparison of rows does not show."""


class ImpossibleError(Exception):
    """The fault is not possible on this machine; the message says why."""


FAULTS: dict[str, Strike] = {}


def fault(name: str) -> Callable[[Strike], Strike]:
    """Register a fault under the name that the table shows."""

    def register(strike: Strike) -> Strike:
        FAULTS[name] = strike
        return strike

    return register
