"""Normal forms: one spelling for each value that producers spell in several ways."""

import datetime
import re
import uuid
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from lambda_src.rejects import Reason, RecordError

CACHED_VALUES = 8192  # Size of the caches. Versions and days repeat, so a few thousand entries cover nearly all events.
LARGEST_PART = 999  # of minor and patch: a larger number would change the next part of the code
LARGEST_INTEGER = 2_147_483_647  # of Postgres's type integer
MILLISECONDS_PER_DAY = 86_400_000
EARLIEST_YEAR = 2000

_EPOCH = datetime.date(1970, 1, 1)
_HEX = "[0-9a-f]{32}"
_HYPHENATED = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OTHER_UUID = re.compile(rf"(?:urn:uuid:)?({_HEX}|{_HYPHENATED})|\{{({_HEX}|{_HYPHENATED})\}}")
_is_uuid = re.compile(_HYPHENATED).fullmatch
_VERSION = re.compile(r"([0-9]+)(?:\.([0-9]+)(?:\.([0-9]+))?)?")


def canonical_uuid(text: str) -> str | None:
    """Returns the canonical form of a UUID in any of its usual spellings; None if `text` is not a UUID."""
    if _is_uuid(text):
        return text
    other = _OTHER_UUID.fullmatch(text.lower())
    return str(uuid.UUID(other[1] or other[2])) if other else None


def normal_event_id(text: str) -> str:
    """Returns the canonical form of a UUID; for any other text, its UUIDv5 in the URL namespace (RFC 9562)."""
    return canonical_uuid(text) or str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def normal_ip(text: str) -> str:
    """Returns the compressed text of an IPv4 or IPv6 address; an IPv4-mapped IPv6 address becomes its IPv4 address.

    Raises RecordError for anything else, such as an address with a scope id, which is valid on one host only.
    """
    # The system's functions are ten times as fast as ipaddress. They accept an IPv4 address in its one usual spelling
    # only. They spell IPv6 addresses with an embedded IPv4 address differently on different systems: ipaddress decides
    # about those, and about what the system refuses.
    try:
        if ":" not in text:
            inet_pton(AF_INET, text)
            return text
        compressed = inet_ntop(AF_INET6, inet_pton(AF_INET6, text))
        if "." not in compressed:
            return compressed
    except (OSError, ValueError):
        pass
    try:
        address = ip_address(text)
    except ValueError:
        raise RecordError(Reason.INVALID_IP) from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise RecordError(Reason.INVALID_IP)
        address = address.ipv4_mapped or address
    return address.compressed


@lru_cache(CACHED_VALUES)
def app_version_code(text: str) -> int:
    """Returns major * 1,000,000 + minor * 1,000 + patch of a version: `2`, `2.3`, `2.3.0` or `2.3.0-beta.1`.

    The codes sort like the three numbers, and different numbers have different codes. The text after them is ignored:
    `2.3.0-beta.1` has the code of `2.3.0`. Raises RecordError if a number is too large or missing.
    """
    match = _VERSION.match(text)
    if match is None:
        raise RecordError(Reason.INVALID_APP_VERSION)
    major, minor, patch = (int(part or 0) for part in match.groups())
    code = major * 1_000_000 + minor * 1_000 + patch
    if minor > LARGEST_PART or patch > LARGEST_PART or code > LARGEST_INTEGER:
        raise RecordError(Reason.INVALID_APP_VERSION)
    return code


def check_integer(value: int) -> int:
    """Returns `value` if it fits Postgres's type integer; raises RecordError otherwise."""
    if not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        raise RecordError(Reason.OUT_OF_RANGE)
    return value


@lru_cache(CACHED_VALUES)
def utc_date(day: int) -> str:
    """Returns the date `day` days after 1970-01-01 as YYYY-MM-DD; raises RecordError before 2000 and after 9999."""
    try:
        date = _EPOCH + datetime.timedelta(day)
    except OverflowError:
        raise RecordError(Reason.INVALID_TIMESTAMP) from None
    if date.year < EARLIEST_YEAR:  # probably a time in seconds instead of milliseconds
        raise RecordError(Reason.INVALID_TIMESTAMP)
    return date.isoformat()
