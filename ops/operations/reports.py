"""Figures: totals of a period and the one before, logins per day, shared devices and addresses, rejects per day."""

from collections import Counter
from itertools import pairwise
from typing import TypedDict

from ops.fields import column_of
from ops.operations.periods import Periods, get_periods
from ops.operations.site import Site

SELECT_DAYS = """
    SELECT create_date::text, logins, users, devices, ips FROM public.daily_logins
    WHERE create_date > (now() AT TIME ZONE 'UTC')::date - %s::integer ORDER BY create_date
"""
SELECT_SHARED = """
    SELECT {column}, users, logins, first_day::text, last_day::text FROM public.{view} WHERE users > 1
    ORDER BY users DESC, logins DESC, {column} LIMIT %s
"""
COUNT_SHARED = "SELECT users, count(*) FROM public.{view} WHERE users > 1 GROUP BY users ORDER BY users"
SELECT_REJECTS = """
    SELECT (first_seen AT TIME ZONE 'UTC')::date::text, reason, count(*), sum(times)::bigint FROM public.rejected_logins
    WHERE (first_seen AT TIME ZONE 'UTC')::date > (now() AT TIME ZONE 'UTC')::date - %s::integer
    GROUP BY 1, 2 ORDER BY 1, 2
"""


# Sizes of groups of users who share a pseudonym: the smallest of each range, which ends before the next one.
SIZES = (2, 3, 4, 5, 6, 11, 21, 51)


class Day(TypedDict):
    """The logins of a day; `new_devices` had no login on an earlier day that is still stored."""

    day: str
    logins: int
    users: int
    devices: int
    ips: int
    new_devices: int


class Sharing(TypedDict):
    """A pseudonym that several users have."""

    pseudonym: str
    users: int
    logins: int
    first_day: str
    last_day: str


class Size(TypedDict):
    """The number of pseudonyms with a number of users: a single number, `6-10` or `51+`."""

    users: str
    pseudonyms: int


class Shared(TypedDict):
    """The number of shared pseudonyms, their numbers of users, and those with most users; over all logins."""

    count: int
    sizes: list[Size]
    top: list[Sharing]


class Rejects(TypedDict):
    """The rejects of a day and reason."""

    day: str
    reason: str
    events: int
    deliveries: int


class Report(TypedDict):
    """All figures."""

    period: Periods
    days: list[Day]
    shared_devices: Shared
    shared_ips: Shared
    rejects: list[Rejects]


def report(site: Site, *, days: int, top: int) -> Report:
    """Totals, logins a day, devices and addresses that several users share, rejects a day and reason."""
    period, new_devices = get_periods(site, days)
    return {
        "period": period,
        "days": [
            {
                "day": day,
                "logins": logins,
                "users": users,
                "devices": devices,
                "ips": ips,
                "new_devices": new_devices.get(day, 0),
            }
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
    counts = dict(site.database.rows(COUNT_SHARED.format(view=view)))
    rows = site.database.rows(SELECT_SHARED.format(view=view, column=column_of(field)), (top,))
    return {
        "count": sum(counts.values()),
        "sizes": group_sizes(counts),
        "top": [
            {"pseudonym": pseudonym, "users": users, "logins": logins, "first_day": first, "last_day": last}
            for pseudonym, users, logins, first, last in rows
        ],
    }


def group_sizes(counts: dict[int, int]) -> list[Size]:
    """The numbers of pseudonyms by their number of users, in ranges."""
    found: Counter[int] = Counter()
    for users, pseudonyms in counts.items():
        found[max(size for size in SIZES if size <= users)] += pseudonyms
    names = [f"{first}" if after == first + 1 else f"{first}-{after - 1}" for first, after in pairwise(SIZES)]
    return [
        {"users": name, "pseudonyms": found[first]}
        for first, name in zip(SIZES, [*names, f"{SIZES[-1]}+"], strict=True)
    ]
