"""The actor of a step. At each boundary (statement, call or file), it can be killed or disconnected."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from tests.model.turns import Gate

Result = TypeVar("Result")
What = Literal["connect", "statement", "commit", "aws", "file", "read"]


class Killed(BaseException):
    """The process was killed at this boundary. It is not an error of the code, and nothing may catch it."""


@dataclass(frozen=True)
class Fault:
    """The fault at the boundary number `number` (from 0) of its kind."""

    what: What
    number: int
    when: Literal["before", "within", "after"]  # only the write of a file has a within
    how: Literal["kill", "lost"]  # lost: the caller gets an error in place of the answer


@dataclass
class Actor:
    """One process, as far as the model knows: an operator's command or one invocation of a function."""

    role: str | None = None  # the database role that it logs in as; None: what its settings say
    fault: Fault | None = None
    refused: int = 0  # messages of each batch that SQS does not take from it
    gate: "Gate | None" = None
    struck: bool = False
    backend: int | None = None  # the process of Postgres that works on its statement
    _dead: bool = False
    _crossed: Counter[What] = field(default_factory=Counter)

    def cross(
        self,
        what: What,
        call: Callable[[], Result],
        broken: Callable[[], Exception],
        half: Callable[[], object] | None = None,
    ) -> Result:
        """Runs `call` and returns its result, unless the fault is injected here; `half` does a part of the call."""
        if self._dead:
            raise Killed
        if self.gate is not None:
            self.gate.arrive()
        number = self._crossed[what]
        self._crossed[what] += 1
        fault = self.fault
        if fault is None or (fault.what, fault.number) != (what, number):
            return call()
        self.struck = True
        if fault.when == "after":
            call()
        elif fault.when == "within" and half is not None:
            half()
        if fault.how == "kill":
            self._dead = True
            raise Killed
        raise broken()


_current = threading.local()


def current_actor() -> Actor | None:
    """Returns the actor of this thread; None for threads that belong to no step."""
    return getattr(_current, "actor", None)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Makes `actor` the actor of this thread during the block."""
    _current.actor = actor
    try:
        yield
    finally:
        _current.actor = None
