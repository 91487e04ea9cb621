"""Collects the result of a run: counts and some rows of the tables, and a metric of the function's log."""

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg2 import extensions

ROWS_SHOWN = 5

Row = tuple[Any, ...]

COUNT_ROWS = """
    SELECT count(*), count(DISTINCT masked_device_id), count(DISTINCT masked_ip), count(*) - count(locale)
    FROM user_logins
"""
COUNT_EVENTS = """
    SELECT count(*) FROM (SELECT event_id FROM user_logins UNION SELECT event_id FROM rejected_logins) AS events
"""
COUNT_REJECTS = "SELECT reason, count(*) FROM rejected_logins GROUP BY reason ORDER BY count(*) DESC, reason"
SELECT_ROWS = """
    SELECT create_date::text, user_id, device_type, masked_ip, masked_device_id, locale, app_version_text(app_version)
    FROM user_logins ORDER BY event_id LIMIT %s
"""
SELECT_SHARED_DEVICES = """
    SELECT masked_device_id, users, logins FROM shared_devices ORDER BY logins DESC, masked_device_id LIMIT %s
"""
SELECT_SHARED_IPS = "SELECT masked_ip, users, logins FROM shared_ips ORDER BY logins DESC, masked_ip LIMIT %s"


@dataclass
class Outcome:
    """The result of a run, in events unless the name says otherwise."""

    sent: int = 0
    messages: int = 0  # that contained them
    refused: int = 0  # by SQS, because of their size or characters
    written: int = 0
    devices: int = 0  # different ones in the rows
    ips: int = 0
    null_locales: int = 0
    duplicates: int = 0
    rejects: dict[str, int] = field(default_factory=dict)  # by reason
    dead_letters: int = 0
    lost: int = 0  # neither a row nor a reject: in the dead-letter queue without a reason, or still in the queue
    failed_batches: int = 0
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)
    shared_devices: list[Row] = field(default_factory=list)
    shared_ips: list[Row] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether each sent event is a row or a reject."""
        return self.lost == 0

    def read_tables(self, cursor: extensions.cursor) -> None:
        """Read the counts from the tables. Needs `sent`."""
        cursor.execute(COUNT_ROWS)
        self.written, self.devices, self.ips, self.null_locales = cursor.fetchall()[0]
        cursor.execute(COUNT_EVENTS)
        self.lost = self.sent - cursor.fetchall()[0][0]
        cursor.execute(COUNT_REJECTS)
        self.rejects = dict(cursor.fetchall())
        cursor.execute(SELECT_ROWS, (ROWS_SHOWN,))
        self.rows = cursor.fetchall()
        cursor.execute(SELECT_SHARED_DEVICES, (ROWS_SHOWN,))
        self.shared_devices = cursor.fetchall()
        cursor.execute(SELECT_SHARED_IPS, (ROWS_SHOWN,))
        self.shared_ips = cursor.fetchall()


def sum_metric(log: Path, name: str) -> float:
    """Return the sum of a metric in a function's log, over the lines in CloudWatch's embedded metric format."""
    total = 0.0
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if '"_aws"' in line and f'"{name}"' in line:
                with contextlib.suppress(ValueError):  # the line is incomplete because the process was killed
                    values = json.loads(line).get(name, 0)
                    total += sum(values) if isinstance(values, list) else values
    return total
