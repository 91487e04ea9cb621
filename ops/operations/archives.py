"""Archives: reads a month's logins as lines, and drops them after they are stored."""

import json
from typing import TYPE_CHECKING, TypedDict

from ops.operations.audits import write_entry
from ops.operations.site import Site, fetch_one, one_row
from ops.operations.vault import drop_orphans, unfold

if TYPE_CHECKING:
    from psycopg2 import extensions

# An erasure under way has its number already, and is committed later: whoever asks for the newest number waits for it.
LOCK_REMOVALS = "SELECT audit.lock_removals()"
NOTE_EXPORT = "SELECT audit.note('export', %s, %s, %s, %s)"
SELECT_NEWEST_ENTRY = "SELECT id, extract(epoch FROM at)::text FROM audit.entries ORDER BY id DESC LIMIT 1"
SELECT_NOW = "SELECT now()::text"
# Numbered migrations have no folder in their names.
SELECT_SCHEMA_VERSION = "SELECT max(name) FROM public.schema_migrations WHERE name NOT LIKE '%%/%%'"
NOTE_ERASE = "SELECT audit.note('erase', %s, %s, %s, audit.hash_person(%s), counts => %s)"
COUNT_ERASURES = "SELECT count(*) FROM audit.entries WHERE action = 'forget' AND id > %s"
SELECT_COLUMNS = """
    SELECT attname::text, quote_ident(attname), format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = 'public.user_logins'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'written_at'
    ORDER BY attnum
"""
SELECT_LINES = """
    SELECT l.event_id::text, l.create_date::text, public.login_line(l),
           to_char(l.written_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    FROM public.user_logins l
    WHERE l.create_date >= %s::date AND l.create_date < %s::date + interval '1 month'
      AND (l.event_id, l.create_date) > (%s::uuid, %s::date)
    ORDER BY l.event_id, l.create_date LIMIT %s
"""
DROP_ARCHIVED = "SELECT public.drop_archived_logins(%s, %s, %s, %s, %s, %s, %s, %s)"
SELECT_KNOWN = """
    SELECT id, subject, counts ->> 'archive', counts ->> 'target', (counts ->> 'logins')::bigint,
           coalesce((counts ->> 'dropped')::boolean, true)
    FROM audit.entries WHERE action = 'archive' AND (%s::text IS NULL OR subject = %s) ORDER BY id
"""


class Column(TypedDict):
    """A column of the logins, and its type without the length."""

    name: str
    type: str


class Begun(TypedDict):
    """The state of the database when an archive was begun, for its manifest."""

    now: str
    newest_entry: int
    newest_entry_at: str
    schema_version: str
    columns: list[Column]


class Page(TypedDict):
    """Lines of an archive, when each was written, and the last event_id and create_date; None if no line is left."""

    lines: list[str]
    written_at: list[str]
    after: list[str] | None


class Made(TypedDict):
    """A complete archive that was read back: its content and its location."""

    month: str
    logins: int
    checksum: str
    archive: str
    target: str


class KnownArchive(TypedDict):
    """An archive that the audit table names; `archive` is None for one from before archives had ids."""

    entry: int
    month: str
    archive: str | None
    target: str
    logins: int
    dropped: bool


def archive_begin(site: Site, *, month: str, reason: str) -> Begun:
    """Writes the audit entry, after which the lines are read: the newest one; returns it, and the lines' columns."""

    def begin(cursor: "extensions.cursor") -> Begun:
        cursor.execute(LOCK_REMOVALS)
        cursor.execute(NOTE_EXPORT, (site.actor(), site.request_id, reason, month))
        cursor.execute(SELECT_NEWEST_ENTRY)
        entry, entry_at = fetch_one(cursor)
        cursor.execute(SELECT_NOW)
        (now,) = fetch_one(cursor)
        cursor.execute(SELECT_COLUMNS)
        columns: list[Column] = [{"name": name, "type": kind} for name, _, kind in cursor.fetchall()]
        cursor.execute(SELECT_SCHEMA_VERSION)
        (version,) = fetch_one(cursor)
        return {
            "now": now,
            "newest_entry": entry,
            "newest_entry_at": entry_at,
            "schema_version": version or "",
            "columns": columns,
        }

    return site.database.when_free(begin)


def archive_page(site: Site, *, month: str, after: list[str], limit: int) -> Page:
    """Returns the next lines of a month's archive, in the order of event_id; `month` is YYYY-MM."""
    first = f"{month}-01"
    rows = site.database.rows(SELECT_LINES, (first, first, *after, limit))
    return {
        "lines": [line for _, _, line, _ in rows],
        "written_at": [written_at for *_, written_at in rows],
        "after": list(rows[-1][:2]) if rows else None,
    }


def count_erasures(site: Site, *, after: int) -> int:
    """Returns how many people were erased after the audit entry of that number."""
    ((count,),) = site.database.rows(COUNT_ERASURES, (after,))
    return int(count)


def archive_drop(site: Site, *, made: Made, reason: str) -> None:
    """Drops a month if it holds exactly the archived logins; otherwise raises OpsError.

    The vault's part goes too. An erasure finds a person's pseudonyms in the logins, so later it could not find them.
    """
    what = (f"{made['month']}-01", made["logins"], made["checksum"], made["archive"], made["target"])
    site.database.when_free(one_row(DROP_ARCHIVED, (*what, site.actor(), site.request_id, reason)))
    unfold(site)
    drop_orphans(site)


def archive_kept(site: Site, *, made: Made, reason: str) -> None:
    """Writes the audit entry of an archive whose month was not dropped, because its files hold personal data too."""
    counts = {name: value for name, value in made.items() if name != "month"} | {"dropped": False}
    write_entry(site, "archive", reason, subject=made["month"], counts=counts)


def known_archives(site: Site, *, month: str | None) -> list[KnownArchive]:
    """Returns the archives of a month, or of all months, that the audit table names."""
    return [
        {"entry": entry, "month": subject, "archive": archive, "target": target, "logins": logins, "dropped": dropped}
        for entry, subject, archive, target, logins, dropped in site.database.rows(SELECT_KNOWN, (month, month))
    ]


def note_erasure(site: Site, *, user_id: str, counts: dict[str, object], reason: str) -> None:
    """Writes the audit entry of a person's logins that left the files of archives."""
    arguments = (site.actor(), site.request_id, reason, user_id, json.dumps(counts))
    site.database.when_free(one_row(NOTE_ERASE, arguments))


def note_expiry(site: Site, *, before: str, counts: dict[str, object], reason: str) -> None:
    """Writes the audit entry of months that left the files of archives."""
    write_entry(site, "erase", reason, subject=f"before {before}", counts=counts)
