"""The audit table: one entry for each act of an operator."""

import json
from collections.abc import Mapping
from typing import TypedDict

from ops.operations.site import Site, fetch_one
from ops.times import format_time

INSERT_ENTRY = """
    INSERT INTO audit.entries (action, actor, request_id, reason, basis, subject, salt_version, counts)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
SELECT_ENTRIES = """
    SELECT id, at, action, actor, role, request_id, reason, basis, subject, salt_version, counts FROM audit.entries
    WHERE %s::text IS NULL OR action = %s ORDER BY id DESC LIMIT %s
"""


class Entry(TypedDict):
    """An entry, as SELECT_ENTRIES reads it; `at` by the server's clock."""

    id: int
    at: str
    action: str
    actor: str
    role: str
    request_id: str | None
    reason: str
    basis: str | None
    subject: str
    salt_version: int | None
    counts: dict[str, object]


def audit(site: Site, *, action: str | None, limit: int) -> list[Entry]:
    """The newest entries of the audit table."""
    return [
        Entry(
            id=id_,
            at=format_time(at),
            action=done,
            actor=actor,
            role=role,
            request_id=request_id,
            reason=reason,
            basis=basis,
            subject=subject,
            salt_version=salt_version,
            counts=counts,
        )
        for id_, at, done, actor, role, request_id, reason, basis, subject, salt_version, counts in site.database.rows(
            SELECT_ENTRIES, (action, action, limit)
        )
    ]


def write_entry(
    site: Site,
    action: str,
    reason: str,
    *,
    subject: str,
    basis: str | None = None,
    salt_version: int | None = None,
    counts: Mapping[str, object] | None = None,
) -> int:
    """Writes and commits an entry; returns its number."""
    values = (action, site.actor(), site.request_id, reason, basis, subject, salt_version, json.dumps(counts or {}))
    with site.database.transaction() as cursor:
        cursor.execute(INSERT_ENTRY, values)
        (entry,) = fetch_one(cursor)
    return int(entry)
