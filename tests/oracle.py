"""The contract once more, from its text, plain and slow: what the function must make of a record.

Shares no code with `lambda_src`.
"""

import datetime
import hashlib
import hmac
import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.oracle_values import FORMS, is_storable, version_code


@dataclass(frozen=True)
class Rule:
    """What the contract says about one field."""

    kind: type[Any] = str  # str, int or bool
    smallest: float = -math.inf  # length of a text, value of an integer
    largest: float = math.inf
    required: bool = True
    masked: bool = False
    form: str | None = None  # a key of FORMS


RULES = {
    "user_id": Rule(smallest=1, largest=128),
    "app_version": Rule(largest=64, form="app_version"),
    "device_type": Rule(smallest=1, largest=32),
    "ip": Rule(masked=True, form="ip"),
    "device_id": Rule(smallest=1, largest=256, masked=True),
    "locale": Rule(smallest=1, largest=32, required=False),
}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
YEAR_2000, YEAR_10000 = 946_684_800_000, 253_402_300_800_000  # milliseconds
TWO_DAYS = 172_800_000  # milliseconds
MOST_DIGITS = 15  # of a number of milliseconds
Fault = tuple[str, str | None]  # reason and field


@dataclass(frozen=True)
class Expected:
    """Either a row with its count of unknown fields, or the faults of which the function must name one."""

    row: dict[str, Any] | None
    unknown_fields: int
    faults: frozenset[Fault]


def expect(record: Mapping[str, Any], key: bytes, version: int, rules: Mapping[str, Rule] = RULES) -> Expected:
    """What the contract demands for `record` under the salt `key`; `rules` may know more fields than RULES."""
    attributes = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
    faults = _faults_of_event_id(attributes)
    day = _day(attributes.get("sent_timestamp"), record["attributes"].get("SentTimestamp"), faults)
    try:
        fields = json.loads(record["body"], parse_int=_integer, parse_float=lambda _: 0.5, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Expected(None, 0, frozenset(faults | {("invalid_json", None)}))
    if not isinstance(fields, dict):
        return Expected(None, 0, frozenset(faults | {("not_an_object", None)}))
    for name, rule in rules.items():
        faults |= set(_faults_of(name, rule, fields))
    if faults:
        return Expected(None, 0, frozenset(faults))
    row = {
        "event_id": event_uuid(attributes.get("event_id", record["messageId"])),
        "create_date": day,
        "salt_version": version,
    }
    for name, rule in rules.items():
        row |= _cells(name, rule, fields.get(name), key)
    return Expected(row, len([name for name in fields if name not in rules]), frozenset())


def pseudonym(field: str, value: str, key: bytes) -> str:
    """HMAC-SHA-256 of the field's name, a zero byte and the value."""
    return hmac.new(key, field.encode() + b"\0" + value.encode(), hashlib.sha256).hexdigest()


def event_uuid(text: str) -> str:
    """The UUID in any of its usual spellings, or else the UUIDv5 of the text."""
    hexadecimal = r"([0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    for spelling in (hexadecimal, rf"\{{{hexadecimal}\}}", f"urn:uuid:{hexadecimal}"):
        if match := re.fullmatch(spelling, text, re.IGNORECASE | re.ASCII):
            return str(uuid.UUID(match[1]))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def is_placeholder(event_id: str) -> bool:
    """Whether a producer sends this text when it has no id."""
    if event_uuid(event_id) == "00000000-0000-0000-0000-000000000000":
        return True
    return re.fullmatch("|null|none|undefined|nan", event_id.strip(), re.IGNORECASE | re.ASCII) is not None


def _faults_of_event_id(attributes: Mapping[str, str]) -> set[Fault]:
    if "event_id" not in attributes:
        return set()
    if not is_storable(attributes["event_id"]):
        return {("invalid_text", "event_id")}
    return {("invalid_event_id", "event_id")} if is_placeholder(attributes["event_id"]) else set()


def _day(attribute: str | None, received: str | None, faults: set[Fault]) -> datetime.date | None:
    """The date of the event; adds to `faults` why there is none."""
    received_at = None if attribute is not None and received is None else _time(received, "SentTimestamp", faults)
    if attribute is None:
        sent_at, name = received_at, "SentTimestamp"
    else:
        sent_at, name = _time(attribute, "sent_timestamp", faults), "sent_timestamp"
    if sent_at is None:
        return None
    is_late = attribute is not None and received_at is not None and sent_at - received_at > TWO_DAYS
    if is_late or not YEAR_2000 <= sent_at < YEAR_10000:
        faults.add(("invalid_timestamp", name))
        return None
    return (EPOCH + datetime.timedelta(milliseconds=sent_at)).date()


def _time(text: str | None, name: str, faults: set[Fault]) -> int | None:
    """The number of milliseconds; adds to `faults` why there is none."""
    if text is None:
        faults.add(("missing_field", name))
    elif not is_storable(text):
        faults.add(("invalid_text", name))
    elif not re.fullmatch("[0-9]+", text):
        faults.add(("wrong_type", name))
    elif len(text) > MOST_DIGITS:
        faults.add(("invalid_timestamp", name))
    else:
        return int(text)
    return None


def _faults_of(name: str, rule: Rule, fields: dict[str, Any]) -> list[Fault]:
    value: Any = fields.get(name)
    if value is None and not rule.required:
        return []
    if name not in fields:
        return [("missing_field", name)]
    if type(value) is not rule.kind:  # not isinstance: Python's bool is an int, JSON's is not
        return [("wrong_type", name)]
    faults: list[Fault] = []
    if isinstance(value, str):
        if not is_storable(value):
            faults.append(("invalid_text", name))
        if len(value) < rule.smallest:
            faults.append(("empty", name))
        if len(value) > rule.largest:
            faults.append(("too_long", name))
    elif rule.kind is int and not max(rule.smallest, -(2**31)) <= value <= min(rule.largest, 2**31 - 1):
        faults.append(("out_of_range", name))
    if rule.form is not None:
        try:
            FORMS[rule.form](value)
        except ValueError:
            faults.append((f"invalid_{rule.form}", name))
    return faults


def _cells(name: str, rule: Rule, value: Any, key: bytes) -> dict[str, Any]:
    """The columns that a field becomes."""
    if rule.masked:
        if value is not None and rule.form is not None:
            value = str(FORMS[rule.form](value))
        return {f"masked_{name}": None if value is None else pseudonym(name, value, key)}
    if rule.form == "app_version":
        return {name: None if value is None else version_code(value), f"{name}_name": value}
    return {name: value}


def _integer(text: str) -> int:
    # Python's int() takes no more than 4,300 digits.
    return int(text) if len(text) < 100 else int(text[:100])


def _refuse(constant: str) -> None:
    raise ValueError(constant)
