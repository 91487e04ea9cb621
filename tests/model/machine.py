"""Generates histories: any steps in any order, with a fault at any boundary."""

from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, precondition, rule

from tests.model import draws
from tests.model.actors import Fault
from tests.model.logins import OLD_MONTH, Login, Message, broken_message, month_name
from tests.model.salt_steps import Create, Link, Rotate
from tests.model.step import Step  # fmt: skip
from tests.model.steps import Archive, Daily, Deliver, Forget, Redrive, Restore, Retention, Upkeep
from tests.model.world import World


class LifeOfALogin(RuleBasedStateMachine):
    """Every history is a run of the real code against real servers; `world` is set before the first."""

    world: ClassVar[World]
    messages = Bundle("messages")

    def __init__(self) -> None:
        super().__init__()
        self.world.begin()
        self.number = 0
        self.may_split, self.leaving, self.late = False, 0, 0

    @initialize(
        target=messages,
        first=st.lists(draws.logins, min_size=2, max_size=5),
        vault=st.booleans(),
        clock=draws.clocks,
        may_split=st.sampled_from((False,) * 7 + (True,)),
        leaving=st.integers(0, 2),
        late=st.integers(1, 30) | st.integers(-3, 0),
    )
    def begin(self, first: list[Login], vault: bool, clock: int, may_split: bool, leaving: int, late: int) -> Any:
        """Some logins are there already."""
        self.may_split, self.leaving, self.late = may_split, leaving, late
        self.world.turn_clock(clock)
        for at in range(draws.FUNCTIONS if vault else 0):
            self.world.restart(at, vault=True)
        sent = [self._send(login) for login in first]
        self.world.take(Deliver(tuple(sent), 0))
        return multiple(*sent)

    @rule(target=messages, new=st.lists(draws.logins, min_size=1, max_size=3))
    def send(self, new: list[Login]) -> Any:
        return multiple(*[self._send(login) for login in new])

    @rule(target=messages, body=draws.bodies, ago=draws.AGO)
    def send_broken(self, body: str, ago: int) -> Message:
        return self._sent(broken_message(body, self._next(), self.world.now, ago))

    @rule(
        batch=st.lists(messages, min_size=1, max_size=4),
        to=st.lists(draws.functions, min_size=1, max_size=5),
        fault=draws.faults,
    )
    def deliver(self, batch: list[Message], to: list[int], fault: Fault | None) -> None:
        for at in to:
            self.world.take(Deliver(tuple(batch), at), fault=fault)

    @rule(ago=draws.AGO, drop=st.booleans(), fault=draws.faults)
    def archive(self, ago: int, drop: bool, fault: Fault | None) -> None:
        self.world.take(Archive(ago, drop), fault=fault)

    @rule(ago=draws.months, fault=draws.faults)
    def restore(self, ago: int, fault: Fault | None) -> None:
        self.world.take(Restore(ago), fault=fault)

    @rule(user=draws.users, fault=draws.faults)
    def forget(self, user: str, fault: Fault | None) -> None:
        self.world.take(Forget(user), fault=fault)

    @rule(keep=draws.kept, fault=draws.faults)
    def retention(self, keep: int, fault: Fault | None) -> None:
        self.world.take(Retention(keep), fault=fault)

    @rule(fault=draws.faults)
    def upkeep(self, fault: Fault | None) -> None:
        self.world.take(Upkeep(), fault=fault)

    @rule(fault=draws.faults)
    def rotate(self, fault: Fault | None) -> None:
        self.world.take(Rotate(), fault=fault)

    @rule(message=messages)
    def receive_too_often(self, message: Message) -> None:
        self.world.queues.bury(message.record)

    @rule(target=messages, refused=st.integers(0, 1), fault=draws.faults)
    def redrive(self, refused: int, fault: Fault | None) -> Any:
        self.world.take(Redrive(refused), fault=fault)
        records, self.world.redriven = self.world.redriven, []
        return multiple(*[self._sent(Message(self._next(), record)) for record in records])

    @precondition(lambda self: self.may_split)
    @rule(fault=draws.faults)
    def switch_to_daily_partitions(self, fault: Fault | None) -> None:
        self.world.take(Daily(), fault=fault)

    @rule(old=st.integers(1, 2), fault=draws.faults)
    def link(self, old: int, fault: Fault | None) -> None:
        self.world.take(Link(old, old + 1), fault=fault)

    @precondition(lambda self: self.world.salt_exists())
    @rule(by_hand=st.booleans(), vault=st.booleans())
    def delete_salt(self, by_hand: bool, vault: bool) -> None:
        """It is deleted and made again, in the way that the runbook says or in another; one function reads it anew."""
        self.world.delete_salt()
        if by_hand:
            self.world.put_salt()
        else:
            self.world.take(Create())
        self.world.restart(0, vault=vault)

    @rule()
    def analyze(self) -> None:
        self.world.store.analyze()

    @rule(at=draws.functions, vault=st.booleans())
    def restart(self, at: int, vault: bool) -> None:
        self.world.restart(at, vault=vault)

    @rule(seconds=draws.clocks)
    def turn_clock(self, seconds: int) -> None:
        self.world.turn_clock(seconds)

    @rule(first=draws.removals, second=draws.others, turns=draws.turns, fault=draws.faults)
    def at_once(self, first: Step, second: Step, turns: list[int], fault: Fault | None) -> None:
        self.world.take(first, second, turns=turns, fault=fault)

    @rule(target=messages, first=draws.removals, new=st.lists(draws.logins, min_size=1, max_size=2), to=draws.functions,
          turns=draws.turns, fault=draws.faults)  # fmt: skip
    def while_others_write(self, first: Step, new: list[Login], to: int, turns: list[int], fault: Fault | None) -> Any:
        # Of the month that the step is about, where it is about one.
        ago = getattr(first, "ago", None)
        sent = [self._send(login if ago is None else replace(login, ago=ago)) for login in new]
        self.world.take(first, Deliver(tuple(sent), to), turns=turns, fault=fault)
        return multiple(*sent)

    def teardown(self) -> None:
        """What was archived comes back. Then a month is archived, somebody of it leaves, and does not come back."""
        try:
            if self.world.is_intact:
                self._end()
        finally:
            self.world.end()

    def _end(self) -> None:
        world = self.world
        for ago in draws.MONTHS:
            if Restore(ago).has_to_work(world):
                world.take(Restore(ago))
        ago = max((OLD_MONTH, 1), key=lambda ago: len(world.truth.present(month_name(world.now, ago))))
        people = sorted({world.truth.rows[key]["user_id"] for key in world.truth.present(month_name(world.now, ago))})
        login = None
        if people and self.late:  # a login arrives while the month is dropped, and gets an archive of its own
            login = self._send(Login(people[0].removeprefix("person-"), 0, 1, ago))
            steps = (Archive(ago, drop=True), Deliver((login,), 0))
            # Below zero: its transaction is under way when the archive begins.
            world.take(*steps[:: 1 if self.late > 0 else -1], turns=[abs(self.late)])
        if people:
            world.take(Archive(ago, drop=self.late != 0))
            world.take(Forget(people[self.leaving % len(people)].removeprefix("person-")))
            if login and self.leaving:  # what was dropped comes anew under another salt, and meets the archive
                world.take(Rotate())
                world.restart(1, vault=False)
                world.take(Deliver((login,), 1))
            world.take(Restore(ago))

    def _send(self, login: Login) -> Message:
        return self._sent(login.send(self._next(), self.world.now))

    def _sent(self, message: Message) -> Message:
        self.world.truth.sent(message.record)
        return message

    def _next(self) -> int:
        self.number += 1
        return self.number
