"""The report's figures with archived months."""

from typing import TYPE_CHECKING

from ops.fields import column_of
from ops.lake.engine import quote_name
from ops.lake.logins import open_logins
from ops.operations.reports import Day, Report, Shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from lambda_src.settings import DatabaseSettings
    from ops.places import Place

# As the views daily_logins, shared_devices and shared_ips say it: pseudonyms that are linked count as one.
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
    FROM linked WHERE create_date > current_date - $1::INTEGER GROUP BY 1 ORDER BY 1
"""
CREATE_SHARED = """
    CREATE OR REPLACE TEMPORARY TABLE shared AS
    SELECT {column} AS pseudonym, count(DISTINCT user_id) AS users, count(*) AS logins,
           min(create_date)::VARCHAR AS first_day, max(create_date)::VARCHAR AS last_day
    FROM linked GROUP BY 1 HAVING count(DISTINCT user_id) > 1
"""
SELECT_SHARED = "SELECT * FROM shared ORDER BY users DESC, logins DESC, pseudonym LIMIT $1"


def with_archived(
    report: Report, settings: "DatabaseSettings | None", places: "Sequence[Place]", *, days: int, top: int
) -> Report:
    """The report over Postgres and archives, each login once.

    Without Postgres only the days are added to the report, and a day that it has already gets the sum.
    """
    with open_logins(settings, places) as (engine, _):
        engine.execute(NOT_LINKED if settings is None else LINKED)
        found: list[Day] = [
            {"day": day, "logins": logins, "users": users, "devices": devices, "ips": ips}
            for day, logins, users, devices, ips in engine.execute(SELECT_DAYS, [days]).fetchall()
        ]
        if settings is None:
            return {**report, "days": _add_days(report["days"], found)}
        return {
            **report,
            "days": found,
            "shared_devices": _shared(engine, "device_id", top),
            "shared_ips": _shared(engine, "ip", top),
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
            }
        )
    return [days[name] for name in sorted(days)]


def _shared(engine: "duckdb.DuckDBPyConnection", field: str, top: int) -> Shared:
    engine.execute(CREATE_SHARED.format(column=quote_name(column_of(field))))
    ((count,),) = engine.execute("SELECT count(*) FROM shared").fetchall()
    return {
        "count": count,
        "top": [
            {"pseudonym": pseudonym, "users": users, "logins": logins, "first_day": first, "last_day": last}
            for pseudonym, users, logins, first, last in engine.execute(SELECT_SHARED, [top]).fetchall()
        ],
    }
