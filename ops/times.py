"""Formats times. All times are shown and stored as text in this form."""

from datetime import UTC, datetime


def format_time(moment: datetime) -> str:
    """RFC 3339, UTC, to the second: `2026-01-31T12:00:00Z`. `moment` knows its time zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
