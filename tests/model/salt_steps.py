# ruff: noqa: ARG002  all steps have the same parameters
"""The steps that change the salt or link its versions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tests.model.actors import Actor
from tests.model.pipeline import Outcome
from tests.model.step import Step

if TYPE_CHECKING:
    from tests.model.world import World


@dataclass(frozen=True)
class Rotate(Step):
    """The salt gets a new version."""

    role: ClassVar[str | None] = "reader"

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        return world.operator.run(actor, "salt", "rotate", "--yes")

    def has_to_work(self, world: "World") -> bool:
        return world.salt_exists()


@dataclass(frozen=True)
class Create(Step):
    """A deleted salt is re-created as the runbook says."""

    role: ClassVar[str | None] = "reader"

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        return world.operator.run(actor, "salt", "create")

    def has_to_work(self, world: "World") -> bool:
        return not world.salt_exists()


@dataclass(frozen=True)
class Link(Step):
    """The pseudonyms of two salt versions are linked."""

    role: ClassVar[str | None] = "linker"
    old: int
    new: int

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        return world.operator.run(actor, "salt", "link", str(self.old), str(self.new), "--reason", reason, "--yes")

    def has_to_work(self, world: "World") -> bool:
        return False  # versions may be gone
