"""The rows of a batch according to the oracle, and a bad body for each reason."""

from typing import Any

from tests.oracle import expect_all
from tests.salt_parameter import SaltParameter
from tests.support import ABSENT, Record, make_body

COLUMNS = (
    "event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip, masked_device_id, locale, "
    "app_version_name"
)
BAD = {  # a body for each reason that a body alone can have
    "invalid_json": "{",
    "not_an_object": "5",
    "missing_field": make_body(ip=ABSENT),
    "wrong_type": make_body(user_id=1),
    "empty": make_body(device_id=""),
    "too_long": make_body(locale="x" * 33),
    "invalid_ip": make_body(ip="localhost"),
    "invalid_app_version": make_body(app_version="beta"),
    "invalid_text": make_body(device_type="\0"),
}


def expected_rows(records: list[Record], salt: SaltParameter) -> list[tuple[Any, ...]]:
    """Returns the rows that the oracle makes of the valid `records`, each event once, in the form of Scratch.rows."""
    rows = {}
    for record in records:
        for expected in expect_all(record, salt.key, salt.version):
            if (row := expected.row) is not None:
                rows[row["event_id"]] = tuple(row[name] for name in COLUMNS.split(", "))
    return sorted(rows.values(), key=repr)
