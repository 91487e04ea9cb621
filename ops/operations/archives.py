"""Archives: a month's logins as lines, dropped once they are safe, and brought back."""

import json
from typing import TypedDict

from ops.errors import OpsError
from ops.operations.audits import write_entry
from ops.operations.site import Site

SELECT_LINES = """
    SELECT l.event_id::text, l.create_date::text, login_line(l) FROM user_logins l
    WHERE l.create_date >= %s::date AND l.create_date < %s::date + interval '1 month'
      AND (l.event_id, l.create_date) > (%s::uuid, %s::date)
    ORDER BY l.event_id, l.create_date LIMIT %s
"""
DROP_ARCHIVED = "SELECT drop_archived_logins(%s, %s, %s, %s, %s, %s, %s)"
SELECT_FORGOTTEN = """
    SELECT salt_version, subject FROM audit.entries WHERE action = 'forget' AND at > %s::timestamptz
"""
CREATE_MONTH = "SELECT create_login_partitions(%s, 1)"
RESTORE_LINES = """
    INSERT INTO user_logins
    SELECT login.* FROM unnest(%s::text[]) AS line,
        jsonb_populate_record(NULL::user_logins, line::jsonb || jsonb_build_object('written_at', now())) AS login
    ON CONFLICT DO NOTHING
"""


class Page(TypedDict):
    """Lines of an archive, and the event_id and create_date of the last one; None: there are no more."""

    lines: list[str]
    after: list[str] | None


class Restored(TypedDict):
    """What became of the lines of an archive."""

    written: int
    there_already: int
    forgotten: int


def archive_page(site: Site, *, month: str, after: list[str], limit: int) -> Page:
    """The next lines of a month's archive, in the order of event_id."""
    rows = site.database.rows(SELECT_LINES, (month, month, *after, limit))
    return {"lines": [line for _, _, line in rows], "after": list(rows[-1][:2]) if rows else None}


def archive_drop(site: Site, *, month: str, count: int, checksum: str, target: str, reason: str) -> None:
    """Drops a month that holds exactly what was archived."""
    with site.database.transaction() as cursor:
        cursor.execute(DROP_ARCHIVED, (month, count, checksum, target, site.actor(), site.request_id, reason))


def restore_page(site: Site, *, lines: list[str], month: str, archived_at: str) -> Restored:
    """Writes lines of an archive back; leaves out people who were forgotten after it was made."""
    forgotten: dict[int, set[str]] = {}
    for version, hashed in site.database.rows(SELECT_FORGOTTEN, (archived_at,)):
        forgotten.setdefault(version, set()).add(hashed)
    missing = forgotten.keys() - site.salts.keys.keys() if forgotten else set()
    if missing:
        raise OpsError(
            f"People were forgotten since, under salt versions that SSM no longer has ({sorted(missing)}): the archive "
            "cannot be told apart from them, and stays out."
        )

    def is_forgotten(line: str) -> bool:
        user_id = json.loads(line)["user_id"]
        return any(site.salts.mask("user_id", user_id, version) in hashes for version, hashes in forgotten.items())

    kept = [line for line in lines if not is_forgotten(line)]
    with site.database.transaction() as cursor:
        cursor.execute(CREATE_MONTH, (month,))
        cursor.execute(RESTORE_LINES, (kept,))
        written = cursor.rowcount
    return {"written": written, "there_already": len(kept) - written, "forgotten": len(lines) - len(kept)}


def restore_done(site: Site, *, month: str, counts: Restored, reason: str) -> None:
    """Writes the audit entry of a restored month."""
    write_entry(site, "restore", reason, subject=month, counts=counts)
