"""Pseudonyms of personal data. Pure: the same event and salt always give the same row."""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from lambda_src.contract import Logins

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash

_BLOCK = 64  # bytes, of SHA-256
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Salt:
    """The key of the pseudonyms and its version, as hash states ready to be copied.

    HMAC-SHA-256 as RFC 2104 gives it, from the hash itself: its two keyed states and the field's name are the same for
    every value, and copying them takes a third of the time of `hmac.digest`.
    """

    __slots__ = ("start_device_id", "start_ip", "start_outer", "version")

    def __init__(self, key: bytes, version: int) -> None:
        if len(key) > _BLOCK:
            key = hashlib.sha256(key).digest()
        key = key.ljust(_BLOCK, b"\0")
        inner = key.translate(_INNER)
        self.version = version
        self.start_ip = hashlib.sha256(inner + b"ip\0").copy
        self.start_device_id = hashlib.sha256(inner + b"device_id\0").copy
        self.start_outer = hashlib.sha256(key.translate(_OUTER)).copy

    def __repr__(self) -> str:
        return f"Salt(version={self.version})"


class MaskedLogins(NamedTuple):
    """The messages that logins came in, and their rows in `user_logins`: a list for each column, as COPY wants it.

    All values are texts, of which the empty one is NULL.
    """

    message_ids: list[str]
    event_ids: list[str]
    create_dates: list[str]
    app_versions: list[str]
    salt_versions: list[str]
    user_ids: list[str]
    device_types: list[str]
    masked_ips: list[str]
    masked_device_ids: list[str]
    locales: list[str]
    app_version_names: list[str]


def mask_logins(logins: Logins, salt: Salt) -> MaskedLogins:
    """The rows of `logins`: ips and device_ids replaced by their pseudonyms under `salt`."""
    return MaskedLogins(
        logins.message_ids,
        logins.event_ids,
        logins.create_dates,
        [str(code) for code in logins.app_versions],
        [str(salt.version)] * len(logins.event_ids),
        logins.user_ids,
        logins.device_types,
        mask_ips(logins.ips, salt),
        mask_device_ids(logins.device_ids, salt),
        [locale or "" for locale in logins.locales],
        logins.app_version_names,
    )


def mask_ips(ips: list[str], salt: Salt) -> list[str]:
    """Lower-case hex of HMAC-SHA-256 under `salt` of the name `ip`, a zero byte and each address in normal form."""
    return _mask(ips, salt.start_ip, salt.start_outer)


def mask_device_ids(device_ids: list[str], salt: Salt) -> list[str]:
    """Lower-case hex of HMAC-SHA-256 under `salt` of the name `device_id`, a zero byte and each id as sent."""
    return _mask(device_ids, salt.start_device_id, salt.start_outer)


def _mask(values: list[str], start_inner: "Callable[[], _Hash]", start_outer: "Callable[[], _Hash]") -> list[str]:
    pseudonyms = []
    for value in values:
        inner, outer = start_inner(), start_outer()
        inner.update(value.encode())
        outer.update(inner.digest())
        pseudonyms.append(outer.hexdigest())
    return pseudonyms
