"""Figures: logins a day, what several users share, rejects a day."""

from typing import TypedDict

from ops.fields import column_of
from ops.operations.site import Site

SELECT_DAYS = """
    SELECT create_date::text, logins, users, devices, ips FROM public.daily_logins
    WHERE create_date > (now() AT TIME ZONE 'UTC')::date - %s::integer ORDER BY create_date
"""
SELECT_SHARED = """
    SELECT {column}, users, logins, first_day::text, last_day::text FROM public.{view} WHERE users > 1
    ORDER BY users DESC, logins DESC, {column} LIMIT %s
"""
COUNT_SHARED = "SELECT count(*) FROM public.{view} WHERE users > 1"
SELECT_REJECTS = """
    SELECT (first_seen AT TIME ZONE 'UTC')::date::text, reason, count(*), sum(times)::bigint FROM public.rejected_logins
    WHERE (first_seen AT TIME ZONE 'UTC')::date > (now() AT TIME ZONE 'UTC')::date - %s::integer
    GROUP BY 1, 2 ORDER BY 1, 2
"""


class Day(TypedDict):
    """The logins of a day."""

    day: str
    logins: int
    users: int
    devices: int
    ips: int


class Sharing(TypedDict):
    """A pseudonym that several users have."""

    pseudonym: str
    users: int
    logins: int
    first_day: str
    last_day: str


class Shared(TypedDict):
    """How many such pseudonyms there are, and those of most users."""

    count: int
    top: list[Sharing]


class Rejects(TypedDict):
    """The rejects of a day and reason."""

    day: str
    reason: str
    events: int
    deliveries: int


class Report(TypedDict):
    """All figures."""

    days: list[Day]
    shared_devices: Shared
    shared_ips: Shared
    rejects: list[Rejects]


def report(site: Site, *, days: int, top: int) -> Report:
    """Logins a day, devices and addresses that several users share, rejects a day and reason."""
    return {
        "days": [
            {"day": day, "logins": logins, "users": users, "devices": devices, "ips": ips}
            for day, logins, users, devices, ips in site.database.rows(SELECT_DAYS, (days,))
        ],
        "shared_devices": _shared(site, "shared_devices", "device_id", top),
        "shared_ips": _shared(site, "shared_ips", "ip", top),
        "rejects": [
            {"day": day, "reason": reason, "events": events, "deliveries": deliveries}
            for day, reason, events, deliveries in site.database.rows(SELECT_REJECTS, (days,))
        ],
    }


def _shared(site: Site, view: str, field: str, top: int) -> Shared:
    ((count,),) = site.database.rows(COUNT_SHARED.format(view=view))
    rows = site.database.rows(SELECT_SHARED.format(view=view, column=column_of(field)), (top,))
    return {
        "count": count,
        "top": [
            {"pseudonym": pseudonym, "users": users, "logins": logins, "first_day": first, "last_day": last}
            for pseudonym, users, logins, first, last in rows
        ],
    }
