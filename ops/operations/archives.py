"""Archives: reads a month's logins as lines, drops them after they are stored, and restores them."""

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
# Of a database that does not have the manifest's entry, every erasure counts as later.
SELECT_KEPT = """
    WITH newest AS (
        SELECT coalesce(max(id), 0) AS entry FROM audit.entries WHERE id = %s AND extract(epoch FROM at)::text = %s
    ), forgotten AS (
        SELECT e.subject FROM audit.entries e, newest WHERE e.action = 'forget' AND e.id > newest.entry
    )
    SELECT l.line FROM unnest(%s::text[]) AS l (line)
    WHERE NOT EXISTS (SELECT FROM forgotten)
          OR audit.hash_person(l.line::jsonb ->> 'user_id') NOT IN (SELECT f.subject FROM forgotten f)
"""
CREATE_MONTH = "SELECT public.create_login_partitions(%s, 1)"
# In the order of their keys, as the function writes: two transactions never wait for each other in a circle.
RESTORE_LINES = """
    INSERT INTO public.user_logins ({columns})
    SELECT {columns} FROM (
        SELECT login.*
        FROM unnest(%s::text[]) AS line, jsonb_populate_record(NULL::public.user_logins, line::jsonb) AS login
    ) AS logins
    ORDER BY event_id, create_date
    ON CONFLICT DO NOTHING
"""
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


class Restored(TypedDict):
    """The result of restoring the lines of an archive."""

    written: int
    there_already: int
    forgotten: int


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


def restore_page(
    site: Site, *, lines: list[str], month: str, newest_entry: int, newest_entry_at: str | None
) -> Restored:
    """Restores lines of an archive, without people who were erased after the archive's newest audit entry."""

    def write(cursor: "extensions.cursor") -> Restored:
        cursor.execute(LOCK_REMOVALS)  # an erasure comes before these lines, and is seen, or after them, and sees them
        cursor.execute(SELECT_KEPT, (newest_entry, newest_entry_at, lines))
        kept = [line for (line,) in cursor.fetchall()]
        cursor.execute(CREATE_MONTH, (f"{month}-01",))
        cursor.execute(SELECT_COLUMNS)
        columns = {name: quoted for name, quoted, _ in cursor.fetchall()}
        written = 0
        for names, same in _by_columns(kept).items():
            # A column that is newer than the archive gets its default.
            there = ", ".join(quoted for name, quoted in columns.items() if name in names)
            cursor.execute(RESTORE_LINES.format(columns=there), (same,))
            written += cursor.rowcount
        return {"written": written, "there_already": len(kept) - written, "forgotten": len(lines) - len(kept)}

    return site.database.when_free(write, writes_logins=True)


def restore_done(site: Site, *, month: str, counts: Restored, archives: list[str], reason: str) -> None:
    """Writes the audit entry of a restored month."""
    write_entry(site, "restore", reason, subject=month, counts={**counts, "archives": archives})


def _by_columns(lines: list[str]) -> dict[frozenset[str], list[str]]:
    """Groups lines by their columns, because a migration may have run while an archive was written."""
    groups: dict[frozenset[str], list[str]] = {}
    for line in lines:
        groups.setdefault(frozenset(json.loads(line)), []).append(line)
    return groups
