"""The faults by name, and the ways in which one can end."""

from collections.abc import Callable
from random import Random

from tests.chaos.pipeline import Pipeline

WAIT_SECONDS = 20  # for traffic to run into a fault
Strike = Callable[[Pipeline, Random], int]  # returns how often the fault was seen to happen


class PromiseError(Exception):
    """Something that no balance of rows would show."""


class ImpossibleError(Exception):
    """This machine cannot have this fault; says why."""


FAULTS: dict[str, Strike] = {}


def fault(name: str) -> Callable[[Strike], Strike]:
    """Registers a fault under the name that the table shows."""

    def register(strike: Strike) -> Strike:
        FAULTS[name] = strike
        return strike

    return register
