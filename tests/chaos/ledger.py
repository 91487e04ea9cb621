"""What was sent, and what has to have become of it: shares nothing with the function but the contract's text.

Of fields that were added to the table since, it knows what their lines say.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.accounts import ANY_FAULT, Account
from tests.oracle import Expected, expect
from tests.oracle_identity import event_uuid
from tests.support import RULES, make_record

COLUMNS = ", ".join(expect(make_record(), bytes(32), 0, RULES).row or ())

NEVER_DELIVERED = "1700000000000"  # a SentTimestamp that no rule is against

Row = tuple[Any, ...]


@dataclass
class Sent:
    """One event, however often it was sent and delivered."""

    fault: str
    body: str
    attributes: dict[str, str]
    message_ids: set[str] = field(default_factory=set)


class Ledger:
    """The events of the round under way. Threads may call it at once: one lock is before all that it holds."""

    def __init__(self) -> None:
        self.salts: dict[int, bytes] = {}  # by version
        self.written = 0  # rows of the rounds before
        self._events: dict[str, Sent] = {}  # by event id, in normal form
        self._by_message: dict[str, Sent] = {}
        self._deliveries: Counter[str] = Counter()  # by message id
        self._timestamps: dict[str, str] = {}  # SentTimestamp by message id
        self._earlier: dict[str, str] = {}  # bodies of earlier rounds' dead letters, by message id
        self._lock = threading.RLock()

    def record_sent(self, fault: str, message_id: str, body: str, attributes: Mapping[str, str]) -> None:
        """An event is in the queue; with the same event id as an earlier one it is that one, sent again."""
        event_id = event_uuid(attributes.get("event_id") or message_id)
        with self._lock:
            event = self._events.setdefault(event_id, Sent(fault, body, dict(attributes)))
            event.message_ids.add(message_id)
            self._by_message[message_id] = event

    def record_delivered(self, records: Iterable[Mapping[str, Any]]) -> None:
        """A batch is about to be handed to a function."""
        with self._lock:
            for record in records:
                self._deliveries[record["messageId"]] += 1
                self._timestamps[record["messageId"]] = record["attributes"]["SentTimestamp"]

    def forget(self, message_id: str) -> None:
        """The message was moved and has a new id now, and with it perhaps a new event id."""
        with self._lock:
            event = self._by_message.pop(message_id)
            event.message_ids.discard(message_id)
            if not event.message_ids:
                del self._events[event_uuid(event.attributes.get("event_id") or message_id)]

    def is_good(self, body: str) -> bool:
        """Whether the contract accepts the body."""
        with self._lock:
            return self._expected(Sent("", body, {}, {"any"})).row is not None

    def repeated(self) -> int:
        """Deliveries beyond the first of each message."""
        with self._lock:
            return self._deliveries.total() - len(self._deliveries)

    def event_ids(self) -> list[str]:
        """The ids of the round's events, in normal form."""
        with self._lock:
            return list(self._events)

    def settle(
        self,
        rows: Iterable[Row],
        rejects: Mapping[str, str],
        dead_letters: Iterable[Mapping[str, Any]],
        total_rows: int,
        *,
        drained: bool,
    ) -> dict[str, Account]:
        """Compares the round with what there is, and begins a new one; returns an account for each fault.

        `rows` of user_logins with `COLUMNS`, and `rejects` (reason by event id), are those of `event_ids`; dead letters
        as SQS gives them; `total_rows` counts the whole table. What is nobody's event is in the account of `ANY_FAULT`.
        """
        with self._lock:
            accounts: dict[str, Account] = defaultdict(Account)
            found: dict[str, list[Row]] = defaultdict(list)
            for row in rows:
                found[row[0]].append(row)
            dead = self._dead(dead_letters, accounts[ANY_FAULT])
            for event_id, event in self._events.items():
                mine, account = found[event_id], accounts[event.fault]
                account.sent += 1
                account.deliveries += sum(self._deliveries[message_id] for message_id in event.message_ids)
                account.rows += len(mine)
                account.duplicates += max(0, len(mine) - 1)
                account.dead += event_id in dead
                if event_id in dead:
                    self._earlier |= dict.fromkeys(event.message_ids, event.body)
                account.lost += not mine and event_id not in dead
                for problem in self._problems(event, mine, dead.get(event_id), rejects.get(event_id)):
                    account.problems.append(f"{event_id} ({event.fault}): {problem}")
            self.written += sum(account.rows for account in accounts.values())
            if total_rows != self.written:
                accounts[ANY_FAULT].problems.append(
                    f"{total_rows} rows in the table, {self.written} events behind them"
                )
                self.written = total_rows
            if not drained:
                accounts[ANY_FAULT].problems.append("the queue did not become empty")
            for store in (self._events, self._by_message, self._deliveries, self._timestamps):
                store.clear()
            return accounts

    def _expected(self, event: Sent, version: int | None = None) -> Expected:
        message_id = min(event.message_ids)
        record = {
            "messageId": message_id,
            "body": event.body,
            "attributes": {"SentTimestamp": self._timestamps.get(message_id, NEVER_DELIVERED)},
            "messageAttributes": {name: {"stringValue": text} for name, text in event.attributes.items()},
        }
        return expect(record, bytes(32) if version is None else self.salts[version], version or 0, RULES)

    def _dead(self, letters: Iterable[Mapping[str, Any]], account: Account) -> dict[str, Mapping[str, Any]]:
        """Dead letters by event id; two with one event id are one."""
        dead = {}
        for letter in letters:
            attributes = _texts(letter)
            message_id = attributes.get("message_id", letter["MessageId"])
            event = self._by_message.get(message_id)
            if event is None and self._earlier.get(message_id) == letter["Body"]:
                continue  # one more copy: SQS took it late, after the function had given up waiting for the answer
            if event is None or event.body != letter["Body"]:
                account.problems.append(f"dead letter {letter['MessageId']} is nobody's, or was changed")
                continue
            dead[event_uuid(event.attributes.get("event_id") or min(event.message_ids))] = letter
        return dead

    def _problems(
        self, event: Sent, rows: list[Row], letter: Mapping[str, Any] | None, reject: str | None
    ) -> Iterable[str]:
        expected = self._expected(event)
        if expected.row is None:
            reasons = {reason for reason, _ in expected.faults}
            if rows:
                yield "a bad event has a row"
            if letter is None:
                yield "a bad event is not in the dead-letter queue"
            elif (reason := _texts(letter).get("reason")) not in reasons:
                yield f"dead letter with reason {reason}, not {reasons}"
            if reject not in reasons:
                yield f"rejected_logins says {reject}, not {reasons}"
            return
        if letter is not None:
            yield f"a good event is in the dead-letter queue ({_texts(letter).get('reason')})"
        if reject is not None:
            yield f"a good event is in rejected_logins ({reject})"
        if len(rows) != 1:
            yield f"{len(rows)} rows"
        for row in rows:
            version = row[COLUMNS.split(", ").index("salt_version")]
            wanted = self._expected(event, version).row if version in self.salts else None
            if wanted is None or row != tuple(wanted[name] for name in COLUMNS.split(", ")):
                yield "a row with other values than the contract wants"


def _texts(letter: Mapping[str, Any]) -> dict[str, str]:
    attributes = letter.get("MessageAttributes", {})
    return {name: value["StringValue"] for name, value in attributes.items() if "StringValue" in value}
