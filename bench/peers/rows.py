"""Rows as the peers make them, and the ways to mask a value."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from typing import Any

from bench.events import Record

KEY = os.urandom(32)
# The columns that the peers write, in the order of their rows. They do not write fields that are added later.
COLUMNS = (
    *("event_id", "create_date", "app_version", "salt_version", "user_id", "device_type", "masked_ip"),
    *("masked_device_id", "locale", "app_version_name"),
)
COLUMN_LIST = ", ".join(COLUMNS)
INSERT = f"INSERT INTO public.user_logins ({COLUMN_LIST}) VALUES "  # noqa: S608  constants only
PLACES = f"({', '.join(['%s'] * len(COLUMNS))})"
DAY_MILLISECONDS = 86_400_000
LENGTHS = {"user_id": 128, "device_type": 32, "device_id": 256, "app_version": 64, "locale": 32}

Row = tuple[str | int | None, ...]


def plain_row(record: Record, mask: Callable[[str], str]) -> Row:
    """Return the row of a message without any check of its fields."""
    login = json.loads(record["body"])
    return (
        record["messageId"],
        _date(record),
        version_code(login["app_version"]),
        1,
        login["user_id"],
        login["device_type"],
        mask(login["ip"]),
        mask(login["device_id"]),
        login["locale"],
        login["app_version"],
    )


def checked_rows(records: Iterable[Record]) -> tuple[list[Row], list[str]]:
    """Return the rows of the valid messages, masked with a keyed hash, and the ids of the other messages."""
    rows: list[Row] = []
    rejected: list[str] = []
    for record in records:
        try:
            login = _checked(json.loads(record["body"]))
            row = (
                str(uuid.UUID(record["messageId"])),
                _date(record),
                version_code(login["app_version"]),
                1,
                login["user_id"],
                login["device_type"],
                keyed("ip", ip_address(login["ip"]).compressed),
                keyed("device_id", login["device_id"]),
                login.get("locale"),
                login["app_version"],
            )
        except (ValueError, KeyError, TypeError):
            rejected.append(record["messageId"])
            continue
        rows.append(row)
    return rows, rejected


def _checked(login: dict[str, Any]) -> dict[str, Any]:
    for name, longest in LENGTHS.items():
        text = login.get(name) if name == "locale" else login[name]
        if text is None and name == "locale":
            continue
        if not isinstance(text, str) or not 0 < len(text) <= longest:
            raise ValueError(name)
    return login


def named_rows(records: Iterable[Record]) -> Iterator[dict[str, str | int | None]]:
    for record in records:
        yield dict(zip(COLUMNS, plain_row(record, lambda text: keyed("x", text)), strict=True))


def _date(record: Record) -> str:
    days = int(record["attributes"]["SentTimestamp"]) // DAY_MILLISECONDS
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days)).isoformat()


def version_code(text: str) -> int:
    major, minor, patch = (*(int(part) for part in text.split(".")[:3]), 0, 0)[:3]
    return major * 1_000_000 + minor * 1_000 + patch


def to_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def keyed(field: str, text: str) -> str:
    return hmac.digest(KEY, f"{field}\0{text}".encode(), "sha256").hex()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324  that system does it like this
