"""The queries of `top`, which are cheap enough for every few seconds."""

from typing import TypedDict

from ops.operations.site import Site

ROWS_SECONDS = 10
REJECTS_SECONDS = 3_600
COUNT_ROWS = "SELECT count(*) FROM public.user_logins WHERE written_at >= now() - make_interval(secs => %s)"
COUNT_REJECTS = """
    SELECT reason, count(*) FROM public.rejected_logins WHERE last_seen >= now() - make_interval(secs => %s)
    GROUP BY reason ORDER BY count(*) DESC, reason
"""
SELECT_SERVER = """
    SELECT numbackends, current_setting('max_connections')::integer, pg_database_size(datid)
    FROM pg_stat_database WHERE datname = current_database()
"""


class RecentRejects(TypedDict):
    """How many events were rejected for a reason."""

    reason: str
    events: int


class Pulse(TypedDict):
    """Rows of the last `rows_seconds`, events rejected in the last `rejects_seconds`, and the server."""

    rows: int
    rows_seconds: int
    rejects: list[RecentRejects]
    rejects_seconds: int
    connections: int
    most_connections: int
    bytes: int


def pulse(site: Site) -> Pulse:
    """Returns the recent activity and the size of the database."""
    database = site.database
    ((rows,),) = database.rows(COUNT_ROWS, (ROWS_SECONDS,))
    ((connections, most_connections, size),) = database.rows(SELECT_SERVER)
    return {
        "rows": rows,
        "rows_seconds": ROWS_SECONDS,
        "rejects": [
            {"reason": reason, "events": events} for reason, events in database.rows(COUNT_REJECTS, (REJECTS_SECONDS,))
        ],
        "rejects_seconds": REJECTS_SECONDS,
        "connections": connections,
        "most_connections": most_connections,
        "bytes": size,
    }
