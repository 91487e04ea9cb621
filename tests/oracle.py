"""The contract once more, from its text, plain and slow: what the function must make of a record.

Shares no code with `lambda_src`.
"""

import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.oracle_identity import Fault, event_uuid, faults_of_event_id, find_day, spelled_uuid
from tests.oracle_messages import NO_JSON, load, split
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


@dataclass(frozen=True)
class Expected:
    """Either a row with its count of unknown fields, or the faults of which the function must name one."""

    row: dict[str, Any] | None
    unknown_fields: int
    faults: frozenset[Fault]


def expect(record: Mapping[str, Any], key: bytes, version: int, rules: Mapping[str, Rule] = RULES) -> Expected:
    """What the contract demands for a message with one event; `rules` may know more fields than RULES."""
    (expected,) = expect_all(record, key, version, rules)
    return expected


def expect_all(
    record: Mapping[str, Any], key: bytes, version: int, rules: Mapping[str, Rule] = RULES
) -> list[Expected]:
    """What the contract demands for each event of a message under the salt `key`."""
    texts = split(record["body"])
    if isinstance(texts, str):
        return [Expected(None, 0, frozenset({(texts, None)}))]
    attributes = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
    of_message = Message(record["messageId"], attributes, record["attributes"].get("SentTimestamp"))
    if texts is None:
        return [_expect_event(record["body"], "", of_message, key, version, rules)]
    return [_expect_event(text, f"/{place}", of_message, key, version, rules) for place, text in enumerate(texts)]


@dataclass(frozen=True)
class Message:
    """What a message says of its events."""

    message_id: str
    attributes: Mapping[str, str]
    received: str | None


def _expect_event(
    body: str, place: str, message: Message, key: bytes, version: int, rules: Mapping[str, Rule]
) -> Expected:
    fields = load(body)
    own = fields if isinstance(fields, dict) else {}
    faults: set[Fault] = set()
    event_id = own.get("event_id")
    if event_id is None:
        event_id = message.attributes.get("event_id")
        name = message.message_id if event_id is None else event_id
        uuid_or_text = event_uuid(name) if spelled_uuid(name) else name
        name = f"{uuid_or_text}{place}" if place else name
    else:
        name = event_id
    if event_id is not None:
        faults |= faults_of_event_id(event_id)
    day = find_day(own.get("sent_timestamp"), message.attributes.get("sent_timestamp"), message.received, faults)
    if fields is NO_JSON:
        return Expected(None, 0, frozenset(faults | {("invalid_json", None)}))
    if not isinstance(fields, dict):
        return Expected(None, 0, frozenset(faults | {("not_an_object", None)}))
    for field_name, rule in rules.items():
        faults |= set(_faults_of(field_name, rule, fields))
    if faults:
        return Expected(None, 0, frozenset(faults))
    row: dict[str, Any] = {"event_id": event_uuid(name), "create_date": day, "salt_version": version}
    for field_name, rule in rules.items():
        row |= _cells(field_name, rule, fields.get(field_name), key)
    unknown = [each for each in fields if each not in {*rules, "event_id", "sent_timestamp"}]
    return Expected(row, len(unknown), frozenset())


def pseudonym(field: str, value: str, key: bytes) -> str:
    """HMAC-SHA-256 of the field's name, a zero byte and the value."""
    return hmac.new(key, field.encode() + b"\0" + value.encode(), hashlib.sha256).hexdigest()


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
