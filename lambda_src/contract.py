"""The login event: its fields, limits and normal forms. The one place to add a field."""

import datetime
import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from itertools import repeat
from socket import AF_INET6, inet_ntop, inet_pton
from typing import Annotated, Any, NamedTuple, NoReturn, TypeVar

import msgspec

from lambda_src.errors import RecordError, RecordsError

MILLISECONDS_A_DAY = 86_400_000
LARGEST_PART = 999  # of minor and patch: a larger one would run into its neighbour in the code
LARGEST_CODE = 2_147_483_647  # Postgres' integer
CACHED_VALUES = 8192  # versions and days repeat: a few thousand serve nearly all events

Judged = TypeVar("Judged")

_EPOCH = datetime.date(1970, 1, 1)
_HEX = "[0-9a-f]{32}"
_HYPHENATED = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_OTHER_UUID = re.compile(rf"(?:urn:uuid:)?({_HEX}|{_HYPHENATED})|\{{({_HEX}|{_HYPHENATED})\}}")
_VERSION = re.compile(r"([0-9]+)(?:\.([0-9]+)(?:\.([0-9]+))?)?")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Reason(StrEnum):
    """Why a record is rejected, as in `rejected_logins.reason` and the dimension of RecordsRejected."""

    INVALID_JSON = "invalid_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    INVALID_IP = "invalid_ip"
    INVALID_APP_VERSION = "invalid_app_version"
    INVALID_TEXT = "invalid_text"
    DATABASE = "database"
    UNEXPECTED = "unexpected"


class Body(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The fields of a message body, with their lengths in characters."""

    user_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    app_version: Annotated[str, msgspec.Meta(max_length=64)]
    device_type: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    ip: str
    device_id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    locale: Annotated[str, msgspec.Meta(min_length=1, max_length=32)] | msgspec.UnsetType | None = msgspec.UNSET


class Logins(NamedTuple):
    """Valid logins in normal form, a list for each field. Holds personal data: never log it."""

    message_ids: list[str]
    event_ids: list[str]  # canonical UUIDs
    create_dates: list[str]  # YYYY-MM-DD, UTC
    user_ids: list[str]
    device_types: list[str]
    ips: list[str]
    device_ids: list[str]
    locales: list[str | None]
    app_versions: list[int]
    app_version_names: list[str]
    unknown_fields: int  # how many in all


class Reject(NamedTuple):
    """A record that does not become a row: no value of it, only where it failed."""

    message_id: str
    event_id: str
    reason: Reason
    field: str | None


_decode_lines = msgspec.json.Decoder(Body).decode_lines
_is_uuid = re.compile(_HYPHENATED).fullmatch
_is_ipv4 = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}").fullmatch
_FIELDS = frozenset(Body.__struct_fields__)


def parse_records(records: Sequence[Mapping[str, Any]]) -> tuple[Logins, list[Reject]]:
    """Checks SQS records against the contract and brings them into normal form, one field of all after the other.

    `records` are elements of `Records` in the event that Lambda hands over, each with a text `messageId`. What is wrong
    with them is returned, never raised.
    """
    rejects: list[Reject] = []
    while True:
        try:
            return _parse(records), rejects
        except RecordsError as error:
            faults = error.faults
        rejects += [reject_record(records[at], Reason(reason), field) for at, (reason, field) in faults.items()]
        records = [record for at, record in enumerate(records) if at not in faults]


def reject_record(record: Mapping[str, Any], reason: Reason, field: str | None) -> Reject:
    """The reject that `record` is."""
    return Reject(record["messageId"], normal_event_id(event_key(record)), reason, field)


def event_key(record: Mapping[str, Any]) -> str:
    """The text that names the event: attribute `event_id` where that is a text, else the messageId."""
    message_id: str = record["messageId"]
    attributes = record.get("messageAttributes")
    if not attributes:
        return message_id
    try:
        return _attribute(attributes, "event_id") or message_id
    except RecordError:
        return message_id


def normal_event_id(text: str) -> str:
    """The UUID that `text` is, in canonical form, or else its UUIDv5 in the URL namespace (RFC 9562)."""
    if _is_uuid(text):
        return text
    if other := _OTHER_UUID.fullmatch(text.lower()):
        return str(uuid.UUID(other[1] or other[2]))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def normal_ip(text: str) -> str:
    """The compressed text of an IPv4 or IPv6 address; an IPv4-mapped IPv6 address as its IPv4.

    Raises RecordError for anything else, an address with a scope id included: a scope means something on one host only.
    """
    if _is_ipv4(text):
        return text
    # The system's own functions are ten times as fast as ipaddress, which judges what they refuse, and addresses that
    # end in an IPv4 one: systems write those differently.
    try:
        compressed = inet_ntop(AF_INET6, inet_pton(AF_INET6, text))
        if "." not in compressed:
            return compressed
    except (OSError, ValueError):
        pass
    try:
        address = ip_address(text)
    except ValueError:
        raise RecordError(Reason.INVALID_IP, "ip") from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise RecordError(Reason.INVALID_IP, "ip")
        address = address.ipv4_mapped or address
    return address.compressed


@lru_cache(CACHED_VALUES)
def app_version_code(text: str) -> int:
    """major * 1,000,000 + minor * 1,000 + patch of a version such as `2`, `2.3`, `2.3.0` or `2.3.0-beta.1`.

    Keeps order and never folds two versions into one; raises RecordError where it could not.
    """
    match = _VERSION.match(text)
    if match is None:
        raise RecordError(Reason.INVALID_APP_VERSION, "app_version")
    major, minor, patch = (int(part or 0) for part in match.groups())
    code = major * 1_000_000 + minor * 1_000 + patch
    if minor > LARGEST_PART or patch > LARGEST_PART or code > LARGEST_CODE:
        raise RecordError(Reason.INVALID_APP_VERSION, "app_version")
    return code


def _parse(records: Sequence[Mapping[str, Any]]) -> Logins:
    message_ids = [record["messageId"] for record in records]
    event_keys = message_ids
    sent: list[str | None] = [None] * len(records)
    attributes = [record.get("messageAttributes") for record in records]
    if any(attributes):
        event_ids = _judge_each(_attribute, attributes, repeat("event_id"))
        event_keys = [event_id or message_id for event_id, message_id in zip(event_ids, message_ids, strict=True)]
        sent = _judge_each(_attribute, attributes, repeat("sent_timestamp"))
    create_dates = _create_dates(records, sent)
    bodies, unknown_fields = _parse_bodies([record.get("body") for record in records])
    app_version_names = [body.app_version for body in bodies]
    return Logins(
        message_ids,
        event_keys if _are_uuids(event_keys) else [normal_event_id(text) for text in event_keys],
        create_dates,
        [body.user_id for body in bodies],
        [body.device_type for body in bodies],
        _judge_each(normal_ip, [body.ip for body in bodies]),
        [body.device_id for body in bodies],
        [body.locale or None for body in bodies],
        _judge_each(app_version_code, app_version_names),
        app_version_names,
        unknown_fields,
    )


def _judge_each(judge: Callable[..., Judged], *columns: Iterable[Any]) -> list[Judged]:
    """What `judge` makes of the values in `columns`, record by record; raises RecordsError with all that it refuses."""
    try:
        return list(map(judge, *columns))
    except RecordError:
        pass
    faults = {}  # not the errors themselves: each would hold on to this frame, values and all
    for at, values in enumerate(zip(*columns, strict=False)):
        try:
            judge(*values)
        except RecordError as error:
            faults[at] = (error.reason, error.field)
    raise RecordsError(faults)


def _attribute(attributes: Any, name: str) -> str | None:  # noqa: ANN401  as the queue hands them over
    try:
        text = attributes[name]["stringValue"] if attributes and name in attributes else None
    except (KeyError, TypeError):
        raise RecordError(Reason.WRONG_TYPE, name) from None
    if text is None:
        return None
    if not isinstance(text, str):
        raise RecordError(Reason.WRONG_TYPE, name)
    if _UNSTORABLE.search(text):
        raise RecordError(Reason.INVALID_TEXT, name)
    return text


def _are_uuids(texts: list[str]) -> bool:
    """Whether all are canonical UUIDs: in a third of the time that an expression takes for each."""
    joined, hyphens = "".join(texts), "-" * len(texts)
    return (
        set(map(len, texts)) == {36}
        and joined[8::36] == joined[13::36] == joined[18::36] == joined[23::36] == hyphens
        and joined.isascii()
        and joined.encode().translate(None, b"0123456789abcdef") == 4 * hyphens.encode()
    )


def _create_dates(records: Sequence[Mapping[str, Any]], sent: list[str | None]) -> list[str]:
    """UTC days of `sent`, the texts of attribute `sent_timestamp`, or else of SQS's own SentTimestamp."""
    if sent.count(None) == len(sent):
        try:
            texts = [record["attributes"]["SentTimestamp"] for record in records]
            if _is_number("".join(texts)):
                return [_date_of_day(int(text) // MILLISECONDS_A_DAY) for text in texts]
        except (KeyError, TypeError, ValueError, OverflowError):
            pass
    return _judge_each(_create_date, records, sent)


def _create_date(record: Mapping[str, Any], sent: str | None) -> str:
    name = "sent_timestamp"
    try:
        if sent is None:
            name = "SentTimestamp"
            sent = (record.get("attributes") or {}).get(name)
            if sent is None:
                raise RecordError(Reason.MISSING_FIELD, name)
        digits = str(sent)
        if _is_number(digits):
            return _date_of_day(int(digits) // MILLISECONDS_A_DAY)
    except (AttributeError, ValueError, OverflowError):
        pass
    raise RecordError(Reason.WRONG_TYPE, name)


def _is_number(text: str) -> bool:
    # int() alone would take signs, spaces, underscores and the digits of other scripts.
    return text.isdigit() and text.isascii()


@lru_cache(CACHED_VALUES)
def _date_of_day(days: int) -> str:
    return (_EPOCH + datetime.timedelta(days)).isoformat()


def _parse_bodies(texts: list[Any]) -> tuple[list[Body], int]:
    """The bodies, and how many unknown fields they have in all."""
    bodies = _decode(texts)
    if bodies is not None:
        return bodies, 0
    parsed = _judge_each(_parse_body, texts)
    return [body for body, _ in parsed], sum(unknown_fields for _, unknown_fields in parsed)


def _parse_body(text: object) -> tuple[Body, int]:
    bodies = _decode([text])
    return (bodies[0], 0) if bodies else _parse_carefully(text)


def _decode(texts: list[Any]) -> list[Body] | None:
    """The bodies, decoded in one go; None where one of them has to be looked at with care."""
    try:
        lines = "\n".join(texts)
        # Without a backslash no field can hold NUL, a control character or a lone surrogate: msgspec refuses them raw.
        # With as many lines as texts none has two, so that as many bodies as lines means one in each.
        if "\\" not in lines and lines.count("\n") == len(texts) - 1:
            bodies = _decode_lines(lines)
            if len(bodies) == len(texts):
                return bodies
    except (TypeError, msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        pass
    return None


def _parse_carefully(body: object) -> tuple[Body, int]:
    """The contract by the book: finds the reason of a reject, and accepts what msgspec alone cannot judge."""
    if not isinstance(body, str):
        raise RecordError(Reason.INVALID_JSON)
    try:
        fields = json.loads(body, parse_int=float, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise RecordError(Reason.INVALID_JSON) from None
    if not isinstance(fields, dict):
        raise RecordError(Reason.NOT_AN_OBJECT)
    for name, (shortest, longest, required) in _limits().items():
        if name not in fields:
            if required:
                raise RecordError(Reason.MISSING_FIELD, name)
            continue
        text = fields[name]
        if text is None and not required:
            continue
        if not isinstance(text, str):
            raise RecordError(Reason.WRONG_TYPE, name)
        if _UNSTORABLE.search(text):
            raise RecordError(Reason.INVALID_TEXT, name)
        if len(text) < shortest:
            raise RecordError(Reason.EMPTY, name)
        if len(text) > longest:
            raise RecordError(Reason.TOO_LONG, name)
    known = {name: fields[name] for name in _FIELDS & fields.keys()}
    return Body(**known), len(fields) - len(known)


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are Python's, not JSON's


@lru_cache(1)
def _limits() -> dict[str, tuple[int, float, bool]]:
    """Shortest and longest length of each field of Body, and whether it is required."""
    limits = {}
    for field in msgspec.structs.fields(Body):
        kind = msgspec.inspect.type_info(field.type)
        kinds = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
        (text,) = (kind for kind in kinds if isinstance(kind, msgspec.inspect.StrType))
        limits[field.name] = (text.min_length or 0, text.max_length or math.inf, field.required)
    return limits
