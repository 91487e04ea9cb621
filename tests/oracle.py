"""The contract once more, from its text, plain and slow: what the function must make of a record.

Shares nothing with `lambda_src`.
"""

import datetime
import hashlib
import hmac
import ipaddress
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TEXT_FIELDS = {  # shortest, longest
    "user_id": (1, 128),
    "device_type": (1, 32),
    "device_id": (1, 256),
    "locale": (1, 32),
    "app_version": (0, 64),
    "ip": (0, None),
}
Fault = tuple[str, str | None]  # reason and field


@dataclass(frozen=True)
class Expected:
    """Either a row with its count of unknown fields, or the faults of which the function must name one."""

    row: dict[str, Any] | None
    unknown_fields: int
    faults: frozenset[Fault]


def expect(record: Mapping[str, Any], key: bytes, version: int) -> Expected:
    """What the contract demands for `record` under the salt `key`."""
    faults: set[Fault] = set()
    attributes = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
    for name in ("event_id", "sent_timestamp"):
        if name in attributes and not is_storable(attributes[name]):
            faults.add(("invalid_text", name))
    if "sent_timestamp" in attributes:
        sent, name = attributes["sent_timestamp"], "sent_timestamp"
    else:
        sent, name = record["attributes"].get("SentTimestamp"), "SentTimestamp"
    day = None
    if sent is None:
        faults.add(("missing_field", name))
    else:
        try:
            if not re.fullmatch("[0-9]+", sent):
                raise ValueError("no number of milliseconds")  # noqa: TRY301
            day = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(milliseconds=int(sent))
        except (ValueError, OverflowError):
            faults.add(("wrong_type", name))
    try:
        # A number is never valid: any will do, whatever its size.
        fields = json.loads(record["body"], parse_int=lambda _: 0, parse_float=lambda _: 0, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Expected(None, 0, frozenset(faults | {("invalid_json", None)}))
    if not isinstance(fields, dict):
        return Expected(None, 0, frozenset(faults | {("not_an_object", None)}))
    for field in TEXT_FIELDS:
        faults |= set(_faults_of(field, fields))
    if faults:
        return Expected(None, 0, frozenset(faults))
    assert day is not None
    row = {
        "event_id": event_uuid(attributes.get("event_id") or record["messageId"]),
        "create_date": day.date(),
        "app_version": version_code(fields["app_version"]),
        "salt_version": version,
        "user_id": fields["user_id"],
        "device_type": fields["device_type"],
        "masked_ip": pseudonym("ip", str(address(fields["ip"])), key),
        "masked_device_id": pseudonym("device_id", fields["device_id"], key),
        "locale": fields.get("locale"),
        "app_version_name": fields["app_version"],
    }
    return Expected(row, len([name for name in fields if name not in TEXT_FIELDS]), frozenset())


def pseudonym(field: str, value: str, key: bytes) -> str:
    """HMAC-SHA-256 of the field's name, a zero byte and the value."""
    return hmac.new(key, field.encode() + b"\0" + value.encode(), hashlib.sha256).hexdigest()


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that `text` stands for; raises ValueError."""
    if "%" in text:
        raise ValueError("scope")
    found = ipaddress.ip_address(text)
    if isinstance(found, ipaddress.IPv6Address) and found.packed.startswith(bytes(10) + b"\xff\xff"):
        return ipaddress.IPv4Address(found.packed[12:])
    return found


def version_code(text: str) -> int:
    """The integer of an app_version; raises ValueError."""
    parts: list[str] = []
    rest = text
    while len(parts) < 3:
        digits = ""
        while rest[len(digits) : len(digits) + 1] in set("0123456789"):
            digits += rest[len(digits)]
        if not digits:
            break
        parts.append(digits)
        rest = rest[len(digits) :]
        if rest[:1] != ".":
            break
        rest = rest[1:]
    if not parts:
        raise ValueError("no number")
    major, minor, patch = [int(part) for part in [*parts, "0", "0"][:3]]
    code = major * 1_000_000 + minor * 1_000 + patch
    if minor > 999 or patch > 999 or code > 2_147_483_647:
        raise ValueError("too large")
    return code


def event_uuid(text: str) -> str:
    """The UUID in any of its usual spellings, or else the UUIDv5 of the text."""
    hexadecimal = r"([0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    for spelling in (hexadecimal, rf"\{{{hexadecimal}\}}", f"urn:uuid:{hexadecimal}"):
        if match := re.fullmatch(spelling, text, re.IGNORECASE | re.ASCII):
            return str(uuid.UUID(match[1]))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def is_storable(text: str) -> bool:
    """Whether Postgres can hold it: no NUL, no lone surrogate."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _faults_of(name: str, fields: dict[str, Any]) -> list[Fault]:
    if name not in fields:
        return [] if name == "locale" else [("missing_field", name)]
    value = fields[name]
    if value is None and name == "locale":
        return []
    if not isinstance(value, str):
        return [("wrong_type", name)]
    shortest, longest = TEXT_FIELDS[name]
    faults: list[Fault] = []
    if not is_storable(value):
        faults.append(("invalid_text", name))
    if shortest is not None and len(value) < shortest:
        faults.append(("empty", name))
    if longest is not None and len(value) > longest:
        faults.append(("too_long", name))
    for field, parse, reason in (("ip", address, "invalid_ip"), ("app_version", version_code, "invalid_app_version")):
        if field == name:
            try:
                parse(value)
            except ValueError:
                faults.append((reason, name))
    return faults


def _refuse(constant: str) -> None:
    raise ValueError(constant)
