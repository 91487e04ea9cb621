"""The audit table: one entry for each action of an operator."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TypedDict

from ops.errors import OpsError
from ops.operations.site import Site, one_row
from ops.times import format_time

NOTE = "SELECT audit.note(%s, %s, %s, %s, %s, %s, %s, %s)"
NOTE_VALUE = "SELECT entry, per_hour, free_at FROM audit.note_value(%s, %s, %s, %s, %s)"
SELECT_ENTRIES = """
    SELECT id, at, action, actor, role, request_id, reason, basis, subject, salt_version, counts FROM audit.entries
    WHERE %s::text IS NULL OR action = %s ORDER BY id DESC LIMIT %s
"""
# The line that audit.append() takes the hash of, made here: the owner of the database could change any function of it.
SELECT_CHAIN = """
    SELECT e.id, jsonb_build_array(
               e.id, extract(epoch FROM e.at), e.action, e.actor, e.role, e.request_id, e.reason,
               e.basis, e.subject, e.salt_version, e.counts, e.transaction_id::text)::text, encode(e.hash, 'hex')
    FROM audit.entries e WHERE e.id > %s ORDER BY e.id LIMIT %s
"""
SELECT_HEAD = "SELECT e.id, encode(e.hash, 'hex') FROM audit.entries e ORDER BY e.id DESC LIMIT 1"


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


class Link(TypedDict):
    """An entry as one line of text, and the hash that the table has for it, in hex."""

    id: int
    line: str
    hash: str


def audit_chain(site: Site, *, after: int, limit: int) -> list[Link]:
    """The next entries, in the order of their numbers."""
    return [
        {"id": id_, "line": line, "hash": hash_}
        for id_, line, hash_ in site.database.rows(SELECT_CHAIN, (after, limit))
    ]


def newest_head(site: Site) -> str | None:
    """Number and hash of the newest entry, as N:HASH."""
    rows = site.database.rows(SELECT_HEAD)
    return f"{rows[0][0]}:{rows[0][1]}" if rows else None


def note_salt(site: Site, *, change: str, reason: str) -> int:
    """Writes the entry before a salt is created or rotated; returns its number."""
    return write_entry(site, "salt", reason, subject=change)


def note_shown(site: Site, *, queue: str, events: int) -> int:
    """Writes the entry before dead letters are shown unmasked; returns its number."""
    return write_entry(site, "show", "dlq list --show", subject=queue, counts={"events": events})


def note_value(site: Site, action: str, reason: str, *, field: str) -> None:
    """Writes and commits the entry of one value that is about to be masked or looked up.

    Raises OpsError if the values of an hour are used up.
    """
    values = (action, site.actor(), site.request_id, reason, field)
    entry, per_hour, free_at = site.database.when_free(one_row(NOTE_VALUE, values))
    if entry is None:
        next_second = format_time(free_at + timedelta(seconds=1))
        raise OpsError(
            f"{per_hour:,} values were masked or looked up in the last hour, and all callers together may ask for no "
            f"more. The next one is allowed at {next_second}."
        )


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
    values = (action, site.actor(), site.request_id, reason, subject, basis, salt_version, json.dumps(counts or {}))
    (entry,) = site.database.when_free(one_row(NOTE, values))
    return int(entry)
