"""Months before this one, and their partitions."""

import time

from tests.scratch import Scratch


def months_ago(count: int) -> tuple[str, int]:
    """Return a month before this one as YYYY-MM, and its middle in milliseconds since 1970."""
    year, month = time.gmtime()[:2]
    year, month = divmod(year * 12 + month - 1 - count, 12)
    return f"{year}-{month + 1:02}", int((time.mktime((year, month + 1, 15, 12, 0, 0, 0, 0, 0)) - time.timezone) * 1000)


def partitions(database: Scratch) -> set[str]:
    """Return the names of the partitions that hold months."""
    return {name for (name,) in database.query("SELECT partition::text FROM login_months()")}
