"""Queries for single logins and rejects: the pseudonym of a value, its logins, the reason of a reject."""

from typing import TypedDict

from lambda_src.contract import MASKED
from ops.fields import column_of, normal_form
from ops.operations.audits import note_value
from ops.operations.site import Site

# The pseudonyms stand above the list, app_version is there as it was sent, and written_at is no part of a login.
NOT_SHOWN = (*map(column_of, MASKED), "app_version", "written_at")
SELECT_SHOWN = """
    SELECT attname::text, quote_ident(attname) FROM pg_attribute
    WHERE attrelid = 'public.user_logins'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL (%s)
    ORDER BY attnum
"""
SELECT_LOGINS = """
    SELECT {columns} FROM public.user_logins WHERE {column} = ANY (%s)
    ORDER BY create_date DESC, event_id LIMIT %s
"""
COUNT_LOGINS = "SELECT count(*), count(DISTINCT user_id) FROM public.user_logins WHERE {column} = ANY (%s)"
SELECT_REASONS = "SELECT event_id::text, reason, field FROM public.rejected_logins WHERE event_id = ANY (%s::uuid[])"


class Pseudonym(TypedDict):
    """A value's pseudonym under one version of the salt."""

    salt_version: int
    pseudonym: str


class Masked(Pseudonym):
    """A pseudonym and the field that it belongs to."""

    field: str


class Found(TypedDict):
    """The logins with a value: `total` of them, of `users` users, of which `logins` are the newest, by column."""

    field: str
    pseudonyms: list[Pseudonym]
    total: int
    users: int
    logins: list[dict[str, str | int | None]]


class Rejected(TypedDict):
    """The reason of a reject, and the field that caused it."""

    reason: str
    field: str | None


def mask(site: Site, *, field: str, value: str, reason: str) -> Masked:
    """The pseudonym of a value under the newest salt, after its audit entry."""
    normal = normal_form(field, value)
    note_value(site, "mask", reason, field=field)
    version = site.salts.newest
    return {"field": field, "salt_version": version, "pseudonym": site.salts.mask(field, normal, version)}


def remask(site: Site, *, field: str, normal_value: str, salt_version: int, reason: str) -> Masked:
    """The pseudonym of a value in normal form under a version of the salt, after its audit entry.

    Raises OpsError if SSM no longer has that version.
    """
    note_value(site, "mask", reason, field=field)
    pseudonym = site.salts.mask(field, normal_value, salt_version)
    return {"field": field, "salt_version": salt_version, "pseudonym": pseudonym}


def lookup(site: Site, *, field: str, value: str, limit: int, reason: str) -> Found:
    """Returns the logins with a value, under any salt, after its audit entry."""
    original = normal_form(field, value)
    note_value(site, "lookup", reason, field=field)
    pseudonyms = {version: site.salts.mask(field, original, version) for version in sorted(site.salts.keys)}
    column = column_of(field)
    wanted = list(pseudonyms.values())
    ((total, users),) = site.database.rows(COUNT_LOGINS.format(column=column), (wanted,))
    shown = dict(site.database.rows(SELECT_SHOWN, (list(NOT_SHOWN),)))
    statement = SELECT_LOGINS.format(columns=", ".join(shown.values()), column=column)
    return {
        "field": field,
        "pseudonyms": [{"salt_version": version, "pseudonym": pseudonym} for version, pseudonym in pseudonyms.items()],
        "total": total,
        "users": users,
        "logins": [
            {
                name: value if isinstance(value, int | None) else str(value)
                for name, value in zip(shown, row, strict=True)
            }
            for row in site.database.rows(statement, (wanted, limit))
        ],
    }


def reject_reasons(site: Site, *, event_ids: list[str]) -> dict[str, Rejected]:
    """Why events were rejected, by event_id."""
    rows = site.database.rows(SELECT_REASONS, (event_ids,))
    return {event_id: {"reason": reason, "field": field} for event_id, reason, field in rows}
