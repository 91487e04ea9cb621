"""The logins of a history: the sent messages, and their events according to the oracle."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests import oracle
from tests.support import Record, make_record

Key = tuple[str, str]  # event_id and create_date, as user_logins has them
OLD_MONTH = 3  # months ago: no partition was ever made for it
RAW_VALUES = ("device-", "203.0.113.")  # what no table may hold


@dataclass(frozen=True)
class Login:
    """A login to send: user, address, device, age in months, and whether the producer gave it an id."""

    user: str
    device: int
    address: int
    ago: int
    has_id: bool = False

    def send(self, number: int, now: datetime) -> "Message":
        """Returns the message number `number` of the history."""
        body = {
            "user_id": f"person-{self.user}",
            "app_version": f"2.{number % 1000}",
            "device_type": "ios",
            "ip": f"203.0.113.{self.address}",
            "device_id": f"device-{self.device}",
        }
        return Message.of(json.dumps(body), number, months_ago(now, self.ago), has_id=self.has_id)


def broken_message(body: str, number: int, now: datetime, ago: int) -> "Message":
    """Returns a message that has to be rejected."""
    return Message.of(body, number, months_ago(now, ago), has_id=False)


@dataclass(frozen=True)
class Message:
    """A message in the queue; printed by its number."""

    number: int
    record: Record

    @classmethod
    def of(cls, body: str, number: int, sent: datetime, *, has_id: bool) -> "Message":
        """Returns a message with that body."""
        message_id = f"00000000-0000-4000-8000-{number:012}"
        attributes = {"event_id": f"event {number}"} if has_id else {}
        milliseconds = int(sent.timestamp() * 1000)
        return cls(number, make_record(body, message_id=message_id, sent=milliseconds, attributes=attributes))

    def __repr__(self) -> str:
        return f"message {self.number}"


@dataclass
class Event:
    """An event according to the oracle, independent of the salt."""

    key: Key
    user: str
    record: Record
    _rows: dict[tuple[bytes, int], dict[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def month(self) -> str:
        """Of its date."""
        return self.key[1][:7]

    def row(self, salt: bytes, version: int) -> dict[str, Any]:
        """Returns its row under a salt."""
        if (salt, version) not in self._rows:
            row = oracle.expect(self.record, salt, version).row
            assert row is not None
            self._rows[salt, version] = row | {"create_date": row["create_date"].isoformat()}
        return self._rows[salt, version]

    def originals(self, salts: Mapping[int, list[bytes]]) -> dict[str, str]:
        """Returns the original of each of its pseudonyms, under any salt."""
        rows = [self.row(salt, version) for version, keys in salts.items() for salt in keys]
        body = json.loads(self.record["body"])
        return {row[f"masked_{name}"]: f"{name} {body[name]}" for row in rows for name in ("ip", "device_id")}


def event_of(record: Record) -> Event | None:
    """Returns the event of a message; None if it has to be rejected."""
    row = oracle.expect(record, b"any salt", 0).row
    if row is None:
        return None
    return Event((row["event_id"], row["create_date"].isoformat()), row["user_id"], record)


def months_ago(now: datetime, count: int) -> datetime:
    """Returns the current time, or noon of the 15th of an earlier month."""
    year, month = divmod(now.year * 12 + now.month - 1 - count, 12)
    return now if count == 0 else datetime(year, month + 1, 15, 12, tzinfo=UTC)


def month_name(now: datetime, ago: int) -> str:
    """As the command line takes it."""
    return months_ago(now, ago).strftime("%Y-%m")
