"""Totals of the last days and of as many days before, and the devices that were new on each day."""

from typing import TypedDict

from ops.operations.site import Site

SELECT_DAYS = """
    SELECT today::text, (today - %s::integer + 1)::text, (today - %s::integer + 1)::text
    FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS clock
"""
# Devices and addresses that are linked across salts count as one, as in daily_logins.
SELECT_TOTALS = """
    SELECT count(*), count(DISTINCT l.user_id), count(DISTINCT coalesce(device.new, l.masked_device_id)),
           count(DISTINCT coalesce(ip.new, l.masked_ip))
    FROM public.user_logins l
    LEFT JOIN public.pseudonym_links ip ON ip.old = l.masked_ip
    LEFT JOIN public.pseudonym_links device ON device.old = l.masked_device_id
    WHERE l.create_date >= %s::date AND l.create_date < %s::date
"""
COUNT_REJECTS = """
    SELECT count(*) FROM public.rejected_logins
    WHERE first_seen >= %s::date::timestamp AT TIME ZONE 'UTC' AND first_seen < %s::date::timestamp AT TIME ZONE 'UTC'
"""
# The first day of each device that was seen in a period and never before. A linked device may have been seen under an
# older pseudonym.
SELECT_NEW_DEVICES = """
    WITH seen AS (
        SELECT coalesce(k.new, l.masked_device_id) AS device, min(l.create_date) AS day
        FROM public.user_logins l LEFT JOIN public.pseudonym_links k ON k.old = l.masked_device_id
        WHERE l.create_date >= %s::date AND l.create_date < %s::date GROUP BY 1
    )
    SELECT day::text, count(*) FROM seen
    WHERE NOT EXISTS (
        SELECT FROM public.user_logins e WHERE e.masked_device_id = seen.device AND e.create_date < %s::date
    ) AND NOT EXISTS (
        SELECT FROM public.pseudonym_links k JOIN public.user_logins e ON e.masked_device_id = k.old
        WHERE k.new = seen.device AND e.create_date < %s::date
    )
    GROUP BY day
"""


class Totals(TypedDict):
    """Distinct users, devices and addresses of a whole period. They are not the sums of the daily figures."""

    logins: int
    users: int
    devices: int
    ips: int
    new_devices: int
    rejects: int


class Periods(TypedDict):
    """The period from the first day to today, which is not over, and the same number of days before."""

    days: int
    first_day: str
    last_day: str
    totals: Totals
    before: Totals


def get_periods(site: Site, days: int) -> tuple[Periods, dict[str, int]]:
    """The totals, and the new devices of each day of the period that has any."""
    ((today, first, earlier),) = site.database.rows(SELECT_DAYS, (days, 2 * days))
    new_devices = _new_devices(site, first, "infinity")
    periods: Periods = {
        "days": days,
        "first_day": first,
        "last_day": today,
        "totals": _totals(site, first, "infinity", new_devices),
        "before": _totals(site, earlier, first, _new_devices(site, earlier, first)),
    }
    return periods, new_devices


def _totals(site: Site, start: str, end: str, new_devices: dict[str, int]) -> Totals:
    ((logins, users, devices, ips),) = site.database.rows(SELECT_TOTALS, (start, end))
    ((rejects,),) = site.database.rows(COUNT_REJECTS, (start, end))
    return {
        "logins": logins,
        "users": users,
        "devices": devices,
        "ips": ips,
        "new_devices": sum(new_devices.values()),
        "rejects": rejects,
    }


def _new_devices(site: Site, start: str, end: str) -> dict[str, int]:
    return dict(site.database.rows(SELECT_NEW_DEVICES, (start, end, start, start)))
