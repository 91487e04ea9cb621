"""The books notice what they are kept for: each kind of loss, doubling and damage, one by one."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.chaos.accounts import ANY_FAULT, Account
from tests.chaos.ledger import COLUMNS, Ledger
from tests.oracle import expect
from tests.support import NOON, RULES, make_body, make_record

KEY = bytes(range(32))
GOOD, BAD = "5f0c8f6e-55a1-4b2b-9d53-7a4a5e2f6c11", "0e7a1c3d-2b5f-4c5e-8a6b-1f2e3d4c5b6a"
FAULT = "a fault"


class World:
    """One good and one bad event, and all that the pipeline has to make of them."""

    def __init__(self) -> None:
        bodies = {GOOD: json.dumps(make_body()), BAD: "{"}
        self.ledger = Ledger()
        self.ledger.salts[3] = KEY
        for message_id, body in bodies.items():
            self.ledger.record_sent(FAULT, message_id, body, {})
            self.ledger.record_delivered([make_record(body, message_id=message_id)])
        row = expect(make_record(bodies[GOOD], message_id=GOOD), KEY, 3, RULES).row
        assert row is not None
        self.rows = [tuple(row[name] for name in COLUMNS.split(", "))]
        self.rejects = {BAD: "invalid_json"}
        self.letters = [letter(BAD, "{", "invalid_json")]
        self.total = 1
        self.drained = True

    def settle(self) -> dict[str, Account]:
        """The balance."""
        return self.ledger.settle(self.rows, self.rejects, self.letters, self.total, drained=self.drained)

    def change_row(self, column: str, value: object) -> None:
        """Another value in the only row."""
        row = list(self.rows[0])
        row[COLUMNS.split(", ").index(column)] = value
        self.rows = [tuple(row)]


def letter(event_id: str, body: str, reason: str) -> Mapping[str, Any]:
    """A dead letter, as the function quarantines it."""
    texts = {"reason": reason, "message_id": event_id, "event_id": event_id}
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
    return {"MessageId": "another", "Body": body, "MessageAttributes": attributes}


def test_balance_of_a_pipeline_that_keeps_its_promises() -> None:
    accounts = World().settle()
    assert accounts[FAULT] == Account(sent=2, deliveries=2, rows=1, dead=1)
    assert accounts[ANY_FAULT] == Account()


def lose_row(world: World) -> None:
    world.rows, world.total = [], 0


def double_row(world: World) -> None:
    world.rows, world.total = world.rows * 2, 2


def change_pseudonym(world: World) -> None:
    world.change_row("masked_ip", "0" * 64)


def change_salt_version(world: World) -> None:
    world.change_row("salt_version", 4)


def bury_good_event(world: World) -> None:
    world.letters.append(letter(GOOD, json.dumps(make_body()), "unexpected"))


def reject_good_event(world: World) -> None:
    world.rejects[GOOD] = "database"


def write_bad_event(world: World) -> None:
    world.rows.append((BAD, *world.rows[0][1:]))
    world.total = 2


def lose_letter(world: World) -> None:
    world.letters = []


def change_reason(world: World) -> None:
    world.letters = [letter(BAD, "{", "too_long")]


def change_letter(world: World) -> None:
    world.letters = [letter(BAD, "{}", "invalid_json")]


def lose_reject(world: World) -> None:
    world.rejects = {}


def add_row(world: World) -> None:
    world.total = 2


def leave_message(world: World) -> None:
    world.drained = False


@pytest.mark.parametrize(
    ("break_promise", "problem"),
    [
        (lose_row, "0 rows"),
        (double_row, "2 rows"),
        (change_pseudonym, "other values"),
        (change_salt_version, "other values"),
        (bury_good_event, "good event is in the dead-letter queue"),
        (reject_good_event, "good event is in rejected_logins"),
        (write_bad_event, "bad event has a row"),
        (lose_letter, "bad event is not in the dead-letter queue"),
        (change_reason, "dead letter with reason"),
        (change_letter, "nobody's"),
        (lose_reject, "rejected_logins says"),
        (add_row, "rows in the table"),
        (leave_message, "did not become empty"),
    ],
)
def test_balance_of_a_broken_promise(break_promise: Callable[[World], None], problem: str) -> None:
    world = World()
    break_promise(world)
    problems = [text for account in world.settle().values() for text in account.problems]
    assert any(problem in text for text in problems), problems


def test_lost_and_doubled_events_are_counted() -> None:
    world = World()
    world.rows, world.letters, world.total = world.rows * 3, [], 3
    account = world.settle()[FAULT]
    assert (account.duplicates, account.lost) == (2, 1)


def test_two_dead_letters_of_one_event_are_one() -> None:
    world = World()
    world.letters *= 2
    accounts = world.settle()
    assert accounts[FAULT].dead == 1
    assert not accounts[FAULT].problems


def test_copy_of_a_dead_letter_in_the_next_round_is_the_same_one() -> None:
    world = World()
    world.settle()
    world.rows, world.rejects = [], {}
    assert world.settle() == {ANY_FAULT: Account()}
    world.letters = [letter(BAD, "[", "invalid_json")]
    assert "is nobody's, or was changed" in world.settle()[ANY_FAULT].problems[0]


def test_body_is_judged_by_itself() -> None:
    assert Ledger().is_good(json.dumps(make_body()))
    assert not Ledger().is_good("{")


def test_event_sent_twice_under_its_own_id_is_one() -> None:
    ledger = Ledger()
    ledger.salts[1] = KEY
    body, attributes = json.dumps(make_body()), {"event_id": GOOD, "sent_timestamp": str(NOON)}
    for message_id in ("first", "second"):
        ledger.record_sent(FAULT, message_id, body, attributes)
    assert ledger.event_ids() == [GOOD]
