# ruff: noqa: ARG002  all steps are asked the same
"""The steps of a history: how each one runs, and which changes of the logins it may and must make."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tests.model import pipeline
from tests.model.actors import Actor
from tests.model.logins import Key, Message, event_of, month_name
from tests.model.pipeline import Outcome
from tests.model.step import Step

if TYPE_CHECKING:
    from tests.model.world import World


@dataclass(frozen=True)
class Deliver(Step):
    """The queue delivers a batch to a function."""

    role: ClassVar[str | None] = None
    messages: tuple[Message, ...]
    to: int

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        return world.functions[self.to].invoke(actor, [message.record for message in self.messages])

    def may_bring(self, world: "World") -> AbstractSet[Key]:
        events = [event_of(message.record) for message in self.messages]
        return {event.key for event in events if event is not None}

    def has_to_work(self, world: "World") -> bool:
        return world.salt_is_sound()


@dataclass(frozen=True)
class Archive(Step):
    """A month is archived to files; with `drop` it is removed from the table."""

    action: ClassVar[str | None] = "archive"
    ago: int
    drop: bool

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        words = ("archive", "--month", month_name(world.now, self.ago), str(world.archive), "--reason", reason)
        return world.operator.run(actor, *words, *(("--drop", "--yes") if self.drop else ()))

    def may_remove(self, world: "World") -> AbstractSet[Key]:
        return world.truth.of_month(month_name(world.now, self.ago)) if self.drop and self.ago else set()

    def has_to_work(self, world: "World") -> bool:
        is_over = self.ago > 0
        return (is_over or not self.drop) and bool(world.truth.present(month_name(world.now, self.ago)))


@dataclass(frozen=True)
class Restore(Step):
    """A month is restored from its archives."""

    ago: int

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        words = ("archive", "--month", month_name(world.now, self.ago), str(world.archive), "--reason", reason)
        return world.operator.run(actor, *words, "--restore")

    def may_bring(self, world: "World") -> AbstractSet[Key]:
        month = month_name(world.now, self.ago)
        # A concurrent step can drop existing logins, so that this step restores them.
        return world.truth.archived(month) | world.truth.present(month)

    def has_to_work(self, world: "World") -> bool:
        return bool(world.truth.archived(month_name(world.now, self.ago)))


@dataclass(frozen=True)
class Forget(Step):
    """A person is erased."""

    action: ClassVar[str | None] = "forget"
    user: str

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        return world.operator.run(actor, "forget", "--user-id", f"person-{self.user}", "--reason", reason, "--yes")

    def may_remove(self, world: "World") -> AbstractSet[Key]:
        return world.truth.of_user(f"person-{self.user}")


@dataclass(frozen=True)
class Retention(Step):
    """Retention removes months older than the given number."""

    action: ClassVar[str | None] = "retention"
    months: int

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        words = ("retention", "--months", str(self.months), "--ahead", str(pipeline.MONTHS_AHEAD))
        return world.operator.run(actor, *words, "--reason", reason, "--yes")

    def may_remove(self, world: "World") -> AbstractSet[Key]:
        return world.truth.before_month(month_name(world.now, self.months))


@dataclass(frozen=True)
class Upkeep(Step):
    """Partitions are made, shared devices counted, sealed batches unfolded."""

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        return world.operator.run(actor, "upkeep", "--ahead", str(pipeline.MONTHS_AHEAD))


@dataclass(frozen=True)
class Daily(Step):
    """Months without logins are partitioned by day from now on."""

    role: ClassVar[str | None] = "postgres"

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        return pipeline.daily_partitions(actor, world.environment)


@dataclass(frozen=True)
class Redrive(Step):
    """Dead letters are redriven to the queue; SQS refuses the given number of each batch."""

    role: ClassVar[str | None] = "reader"
    refused: int = 0

    def run(self, world: "World", actor: Actor, reason: str) -> Outcome:
        return world.operator.run(actor, "dlq", "redrive")

    def has_to_work(self, world: "World") -> bool:
        return not self.refused
