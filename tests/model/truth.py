"""The expected state after every step. It is computed from the contract and not from the code."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.model.logins import Event, Key, event_of
from tests.model.pipeline import Outcome
from tests.model.step import Step
from tests.model.store import Look
from tests.support import Record

Row = dict[str, Any]


class BrokenPromiseError(AssertionError):
    """The state that a step left behind breaks a promise."""


class Seen(NamedTuple):
    """The observed state after a step."""

    look: Look
    archives: dict[str, list[Row]]  # the complete ones
    letters: set[str]  # messageIds of the rejects in the dead-letter queue; read only after a delivery with rejects


@dataclass
class Done:
    """A finished step."""

    step: Step
    outcome: Outcome
    reason: str
    brings: AbstractSet[Key]
    removes: AbstractSet[Key]
    has_to_work: bool
    month: str | None = None  # the month of the step
    seals: bool = False  # a delivery to a function with the vault

    def committed(self, seen: Seen) -> bool:
        """Whether its audit entry exists."""
        return any(
            (entry["action"], entry["reason"]) == (self.step.action, self.reason) and removes_logins(entry)
            for entry in seen.look.entries
        )


@dataclass
class Truth:
    """The expected logins."""

    salts: dict[int, list[bytes]] = field(default_factory=dict)  # all keys that SSM ever had under a version
    events: dict[Key, Event] = field(default_factory=dict)
    rows: dict[Key, Row] = field(default_factory=dict)
    owed: set[Key] = field(default_factory=set)  # written, and neither erased nor removed by retention
    archives: dict[str, dict[Key, Row]] = field(default_factory=dict)
    dead: set[tuple[str, Key]] = field(default_factory=set)  # archived logins of people who were erased later
    forgotten: dict[str, set[str]] = field(default_factory=dict)  # people, and the pseudonyms that only they had
    sealed: set[Key] = field(default_factory=set)  # logins whose originals the vault has to hold
    _used: dict[int, bytes] = field(default_factory=dict)

    def sent(self, record: Record) -> None:
        """Records a sent message."""
        event = event_of(record)
        if event is not None:
            self.events[event.key] = event

    def of_user(self, user: str) -> set[Key]:
        """Returns the events of a person."""
        return {key for key, event in self.events.items() if event.user == user}

    def of_month(self, month: str) -> set[Key]:
        """Returns the events of a month."""
        return {key for key, event in self.events.items() if event.month == month}

    def before_month(self, month: str) -> set[Key]:
        """Returns the events of all earlier months."""
        return {key for key, event in self.events.items() if event.month < month}

    def present(self, month: str) -> set[Key]:
        """The logins of a month that are in the table."""
        return {key for key in self.rows if key[1][:7] == month}

    def held(self) -> set[Key]:
        """Returns the events that a complete archive can restore."""
        return {key for name, logins in self.archives.items() for key in logins if (name, key) not in self.dead}

    def archived(self, month: str) -> set[Key]:
        """Returns the events of a month that the archives can restore."""
        return {key for key in self.held() if key[1][:7] == month}

    def pseudonyms(self, keys: Iterable[Key]) -> set[str]:
        """All pseudonyms of events, under any salt."""
        return {pseudonym for key in keys for pseudonym in self.events[key].originals(self.salts)}

    def pseudonyms_of_others(self, user: str) -> set[str]:
        """Returns the pseudonyms of all existing logins of other people."""
        rows = [*self.rows.values(), *(row for logins in self.archives.values() for row in logins.values())]
        return pseudonyms_in(row for row in rows if row["user_id"] != user)

    def checked(self, rows: Iterable[Row]) -> dict[Key, Row]:
        """Returns the expected rows by key, according to the oracle."""
        checked: dict[Key, Row] = {}
        for row in rows:
            key = (row["event_id"], row["create_date"])
            check(key in self.events, "nobody sent this login", row)
            check(key not in checked, "a login is there twice", row)
            version = row["salt_version"]
            for salt in [self._used[version]] if version in self._used else self.salts.get(version, []):
                expected = self.events[key].row(salt, version)
                if {name: row[name] for name in expected} == expected:
                    self._used[version] = salt
                    break
            else:
                raise BrokenPromiseError(f"a login is not what the oracle says under its salt version: {row}")
            checked[key] = row
        return checked


def removes_logins(entry: Mapping[str, Any]) -> bool:
    """Returns whether an audit entry records the removal of logins."""
    is_archive_that_keeps = entry["action"] == "archive" and not entry["counts"].get("dropped", True)
    return entry["action"] in ("forget", "retention", "archive") and not is_archive_that_keeps


def pseudonyms_in(rows: Iterable[Row]) -> set[str]:
    return {value for row in rows for name, value in row.items() if name.startswith("masked_")}


def check(is_true: object, what: str, *values: object) -> None:
    if not is_true:
        raise BrokenPromiseError(f"{what}: {values}")
