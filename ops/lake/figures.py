"""Adds archived months to the figures of a report."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from ops.fields import column_of
from ops.lake.engine import quote_name
from ops.lake.logins import open_logins
from ops.operations.periods import Periods, Totals
from ops.operations.reports import Day, Report, Shared, group_sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from lambda_src.settings import DatabaseSettings
    from ops.places import Place

# Linked pseudonyms count as one, as in the views daily_logins, shared_devices and shared_ips.
LINKED = """
    CREATE VIEW linked AS
    SELECT l.create_date, l.user_id, coalesce(i.new, l.masked_ip) AS masked_ip,
           coalesce(d.new, l.masked_device_id) AS masked_device_id
    FROM user_logins l
    LEFT JOIN hot.public.pseudonym_links i ON i.old = l.masked_ip
    LEFT JOIN hot.public.pseudonym_links d ON d.old = l.masked_device_id
"""
NOT_LINKED = "CREATE VIEW linked AS SELECT create_date, user_id, masked_ip, masked_device_id FROM user_logins"
SELECT_DAYS = """
    SELECT create_date::VARCHAR, count(*), count(DISTINCT user_id), count(DISTINCT masked_device_id),
           count(DISTINCT masked_ip)
    FROM linked WHERE create_date >= $1::DATE GROUP BY 1 ORDER BY 1
"""
SELECT_TOTALS = """
    SELECT count(*), count(DISTINCT user_id), count(DISTINCT masked_device_id), count(DISTINCT masked_ip)
    FROM linked WHERE create_date >= $1::DATE AND create_date < $2::DATE
"""
SELECT_NEW_DEVICES = """
    SELECT day::VARCHAR, count(*) FROM (SELECT min(create_date) AS day FROM linked GROUP BY masked_device_id)
    WHERE day >= $1::DATE GROUP BY 1
"""
CREATE_SHARED = """
    CREATE OR REPLACE TEMPORARY TABLE shared AS
    SELECT {column} AS pseudonym, count(DISTINCT user_id) AS users, count(*) AS logins,
           min(create_date)::VARCHAR AS first_day, max(create_date)::VARCHAR AS last_day
    FROM linked GROUP BY 1 HAVING count(DISTINCT user_id) > 1
"""
SELECT_SIZES = "SELECT users, count(*) FROM shared GROUP BY users"
SELECT_SHARED = "SELECT * FROM shared ORDER BY users DESC, logins DESC, pseudonym LIMIT $1"


def with_archived(
    report: Report, settings: "DatabaseSettings | None", places: "Sequence[Place]", *, top: int
) -> Report:
    """Returns the report on Postgres and archives; each login counts once.

    Without Postgres it adds only figures by day. A day in the report and in an archive gets the sum of both.
    """
    first = report["period"]["first_day"]
    with open_logins(settings, places) as (engine, _):
        engine.execute(NOT_LINKED if settings is None else LINKED)
        new_devices = _new_devices(engine, report["period"])
        found: list[Day] = [
            {
                "day": day,
                "logins": logins,
                "users": users,
                "devices": devices,
                "ips": ips,
                "new_devices": new_devices.get(day, 0) if settings else 0,
            }
            for day, logins, users, devices, ips in engine.execute(SELECT_DAYS, [first]).fetchall()
        ]
        if settings is None:
            return {**report, "days": _add_days(report["days"], found)}
        return {
            **report,
            "period": _count_periods(engine, report["period"], new_devices),
            "days": found,
            "shared_devices": _shared(engine, "device_id", top),
            "shared_ips": _shared(engine, "ip", top),
        }


def _earlier(period: Periods) -> str:
    """Returns the first day of the period before."""
    return (date.fromisoformat(period["first_day"]) - timedelta(period["days"])).isoformat()


def _new_devices(engine: "duckdb.DuckDBPyConnection", period: Periods) -> dict[str, int]:
    """Returns the number of new devices by day, for both periods."""
    return dict(engine.execute(SELECT_NEW_DEVICES, [_earlier(period)]).fetchall())


def _count_periods(engine: "duckdb.DuckDBPyConnection", period: Periods, new_devices: dict[str, int]) -> Periods:
    """Counts both periods again. Rejects are not archived, so their number stays."""
    first = period["first_day"]

    def count(start: str, end: str, known: Totals) -> Totals:
        ((logins, users, devices, ips),) = engine.execute(SELECT_TOTALS, [start, end]).fetchall()
        return {
            "logins": logins,
            "users": users,
            "devices": devices,
            "ips": ips,
            "new_devices": sum(count for day, count in new_devices.items() if (day >= first) == (start == first)),
            "rejects": known["rejects"],
        }

    return {
        **period,
        "totals": count(first, "infinity", period["totals"]),
        "before": count(_earlier(period), first, period["before"]),
    }


def _add_days(hot: list[Day], cold: list[Day]) -> list[Day]:
    days: dict[str, Day] = {}
    for day in (*hot, *cold):
        known = days.get(day["day"])
        days[day["day"]] = (
            day
            if known is None
            else {
                "day": day["day"],
                "logins": known["logins"] + day["logins"],
                "users": known["users"] + day["users"],
                "devices": known["devices"] + day["devices"],
                "ips": known["ips"] + day["ips"],
                "new_devices": known["new_devices"] + day["new_devices"],
            }
        )
    return [days[name] for name in sorted(days)]


def _shared(engine: "duckdb.DuckDBPyConnection", field: str, top: int) -> Shared:
    engine.execute(CREATE_SHARED.format(column=quote_name(column_of(field))))
    counts = dict(engine.execute(SELECT_SIZES).fetchall())
    return {
        "count": sum(counts.values()),
        "sizes": group_sizes(counts),
        "top": [
            {"pseudonym": pseudonym, "users": users, "logins": logins, "first_day": first, "last_day": last}
            for pseudonym, users, logins, first, last in engine.execute(SELECT_SHARED, [top]).fetchall()
        ],
    }
