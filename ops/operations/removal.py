"""Removes logins: those of a person on request, and old months. Also runs the upkeep."""

from contextlib import suppress
from typing import TYPE_CHECKING, TypedDict

from ops.errors import OpsError
from ops.operations.archives import KnownArchive, known_archives
from ops.operations.site import Site, fetch_one, one_row
from ops.operations.vault import drop_orphans, unfold

if TYPE_CHECKING:
    from psycopg2 import extensions

FORGET = "SELECT logins, originals, links FROM public.forget_user(%s, %s, %s, %s)"
DROP_OLD = """
    SELECT to_char(month, 'YYYY-MM'), logins FROM public.drop_old_logins(
        (date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => %s))::date, %s, %s, %s, %s)
"""
COUNT_OLD_REJECTS = """
    SELECT count(*) FROM public.rejected_logins
    WHERE last_seen < date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => %s)
"""
SELECT_OLDEST_KEPT = """
    SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => %s), 'YYYY-MM')
"""
CREATE_AHEAD = "SELECT public.create_login_partitions((now() AT TIME ZONE 'UTC')::date, %s + 1)"
COUNT_SHARING = "SELECT public.count_sharing()"


class Forgotten(TypedDict):
    """The numbers of erased rows (with `dry_run`: to be erased), and the archives that may still hold the person."""

    logins: int
    originals: int
    links: int
    dry_run: bool
    archives: list[KnownArchive]


class Dropped(TypedDict):
    """A month that was dropped; None for logins of months without a partition."""

    month: str | None
    logins: int


class Retained(TypedDict):
    """The result of a retention: dropped months (all before `before`), new partitions, and other removed rows."""

    before: str
    dropped: list[Dropped]
    rejects: int
    made: int
    originals: int
    links: int
    dry_run: bool


class Upkeep(TypedDict):
    """The number of partitions that were made."""

    made: int


def forget(site: Site, *, user_id: str, reason: str, dry_run: bool) -> Forgotten:
    """Removes a person's logins and the originals that only they have; a dry run rolls everything back."""
    unfold(site)
    # An archive may have been killed after the drop. The erasure finds what is sealed of logins that are still there.
    drop_orphans(site)
    arguments = (user_id, site.actor(), site.request_id, reason)
    logins, originals, links = site.database.when_free(one_row(FORGET, arguments), roll_back=dry_run)
    if not dry_run:
        # Else what was counted before would stand until the next count, which comes in any case. Even without a login:
        # a month that held some may have been archived since the last count.
        with suppress(OpsError):
            site.database.rows(COUNT_SHARING)
    return {
        "logins": logins,
        "originals": originals,
        "links": links,
        "dry_run": dry_run,
        "archives": known_archives(site, month=None),
    }


def retention(site: Site, *, months: int, ahead: int, reason: str, dry_run: bool) -> Retained:
    """Drops logins older than `months` before this month, and originals that no login has any more."""
    if not dry_run:
        unfold(site)

    def drop(cursor: "extensions.cursor") -> tuple[str, int, list[Dropped]]:
        cursor.execute(SELECT_OLDEST_KEPT, (months,))
        (before,) = fetch_one(cursor)
        cursor.execute(COUNT_OLD_REJECTS, (months,))
        (rejects,) = fetch_one(cursor)
        cursor.execute(DROP_OLD, (months, dry_run, site.actor(), site.request_id, reason))
        return before, rejects, [{"month": month, "logins": logins} for month, logins in cursor.fetchall()]

    before, rejects, dropped = site.database.when_free(drop)
    result: Retained = {
        "before": before,
        "dropped": dropped,
        "rejects": rejects,
        "made": 0,
        "originals": 0,
        "links": 0,
        "dry_run": dry_run,
    }
    if dry_run:
        return result
    result["originals"], result["links"] = drop_orphans(site)
    result["made"] = upkeep(site, ahead=ahead)["made"]
    return result


def upkeep(site: Site, *, ahead: int) -> Upkeep:
    """Makes the partitions of the coming months, counts who shares devices and addresses, and unfolds the vault."""
    (made,) = site.database.when_free(one_row(CREATE_AHEAD, (ahead,)))
    site.database.when_free(one_row(COUNT_SHARING))
    unfold(site)  # last: after a busy hour it takes minutes
    return {"made": made}
