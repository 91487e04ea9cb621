# ruff: noqa: ARG002  all steps have the same parameters
"""One step of a history."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tests.model.actors import Actor
from tests.model.logins import Key, month_name
from tests.model.pipeline import Outcome

if TYPE_CHECKING:
    from tests.model.world import World


@dataclass(frozen=True)
class Step:
    """One action of one process."""

    role: ClassVar[str | None] = "remover"
    action: ClassVar[str | None] = None  # of its audit entries that remove logins

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        """Does it."""
        raise NotImplementedError

    def may_bring(self, world: "World") -> AbstractSet[Key]:
        """Returns the logins that the step may add."""
        return set()

    def may_remove(self, world: "World") -> AbstractSet[Key]:
        """Returns the logins that the step may remove from the table."""
        return set()

    def has_to_work(self, world: "World") -> bool:
        """Returns whether the step must succeed without a fault."""
        return True

    def month(self, world: "World") -> str | None:
        """The month of the step."""
        ago = getattr(self, "ago", None)
        return None if ago is None else month_name(world.now, ago)
