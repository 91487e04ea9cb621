"""Compares the numbers of the views with logins that were counted by hand."""

import datetime

import pytest

from tests.function import Function
from tests.oracle import pseudonym
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import NOON, make_record

DAY = 86_400_000
FIRST, SECOND, THIRD = (datetime.date(2023, 11, day) for day in (15, 16, 17))
LOGINS = [  # user, device, address, day
    ("anna", "phone", "192.0.2.1", 0),
    ("anna", "phone", "192.0.2.2", 1),
    ("bert", "phone", "192.0.2.1", 2),
    ("bert", "laptop", "192.0.2.3", 2),
    ("anna", "tablet", "::ffff:192.0.2.1", 0),
]


@pytest.fixture
def logins(function: Function, database: Scratch) -> Scratch:
    """A database with LOGINS."""
    records = [
        make_record(user_id=user, device_id=device, ip=ip, sent=NOON + day * DAY) for user, device, ip, day in LOGINS
    ]
    assert function(*records) == []
    return database


def test_shared_ips(logins: Scratch, salt: SaltParameter) -> None:
    shared = pseudonym("ip", "192.0.2.1", salt.key)
    assert logins.rows("masked_ip, users, logins, first_day, last_day", "shared_ips") == [(shared, 2, 3, FIRST, THIRD)]


def test_shared_devices(logins: Scratch, salt: SaltParameter) -> None:
    shared = pseudonym("device_id", "phone", salt.key)
    assert logins.rows("masked_device_id, users, logins, first_day, last_day", "shared_devices") == [
        (shared, 2, 3, FIRST, THIRD)
    ]


def test_daily_logins(logins: Scratch) -> None:
    assert logins.rows("create_date, logins, users, devices, ips", "daily_logins") == [
        (FIRST, 2, 1, 2, 1),
        (SECOND, 1, 1, 1, 1),
        (THIRD, 2, 1, 2, 2),
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [(0, "0.0.0"), (2_003_000, "2.3.0"), (26_000, "0.26.0"), (2_006, "0.2.6"), (2_147_483_647, "2147.483.647")],
)
def test_app_version_text(database: Scratch, code: int, text: str) -> None:
    assert database.query("SELECT app_version_text(%s)", code) == [(text,)]
