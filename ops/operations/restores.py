"""Restores: lines of an archive become logins again, except those of erased people."""

import json
from typing import TYPE_CHECKING, TypedDict

from ops.operations.archives import LOCK_REMOVALS, SELECT_COLUMNS
from ops.operations.audits import write_entry
from ops.operations.site import Site

if TYPE_CHECKING:
    from psycopg2 import extensions

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


class Restored(TypedDict):
    """The result of restoring the lines of an archive."""

    written: int
    there_already: int
    forgotten: int


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
