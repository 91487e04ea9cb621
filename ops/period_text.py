"""Describes periods and changes in words, for the terminal and the page."""

from typing import Literal

from ops.operations.periods import Periods

Key = Literal["logins", "users", "devices", "ips", "new_devices", "rejects"]
TOTALS: dict[Key, str] = {
    "logins": "logins",
    "users": "users",
    "devices": "devices",
    "ips": "addresses",
    "new_devices": "new devices",
    "rejects": "rejects",
}


def describe_period(period: Periods) -> str:
    """Returns the days of a report: `2026-01-01 to 2026-01-30, compared with the 30 days before`."""
    days = period["days"]
    before = "the day before" if days == 1 else f"the {days:,} days before"
    return f"{period['first_day']} to {period['last_day']}, compared with {before}"


def describe_change(now: int, before: int) -> str:
    """Returns the change from one number to another: `+12% from 1,234`."""
    if now == before:
        return "no change"
    if not before:
        return "none before"
    change = (now - before) / before * 100
    return f"{change:+,.1f}% from {before:,}" if abs(change) < 10 else f"{change:+,.0f}% from {before:,}"  # noqa: PLR2004
