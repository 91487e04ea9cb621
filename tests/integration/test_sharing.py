"""shared_ips and shared_devices add the stored counts and the newer logins, and give the right numbers."""

import pytest

from tests.function import Function
from tests.scratch import Scratch
from tests.support import make_record

TRUTH = """
    SELECT {column}, count(DISTINCT user_id), count(*), min(create_date), max(create_date)
    FROM user_logins GROUP BY {column} HAVING count(*) > 1
"""
PAIRS = [("anna", "phone", "192.0.2.1"), ("bert", "phone", "192.0.2.1"), ("anna", "laptop", "192.0.2.2")]


def write(function: Function, *logins: tuple[str, str, str]) -> None:
    assert function(*(make_record(user_id=user, device_id=device, ip=ip) for user, device, ip in logins)) == []


def count_sharing(database: Scratch) -> None:
    """Counts, and treats all logins as old. Otherwise logins of the last five minutes would be counted twice."""
    database.execute("SELECT count_sharing()")
    database.execute("UPDATE sharing_counted SET through = clock_timestamp()")


def assert_true(database: Scratch) -> None:
    for view, column in (("shared_ips", "masked_ip"), ("shared_devices", "masked_device_id")):
        assert database.rows("*", view) == sorted(database.query(TRUTH.format(column=column)), key=repr)


@pytest.mark.parametrize("is_counted", [False, True])
def test_logins_after_the_last_count(function: Function, database: Scratch, *, is_counted: bool) -> None:
    write(function, *PAIRS)
    if is_counted:
        count_sharing(database)
    assert_true(database)
    write(function, ("carl", "phone", "192.0.2.2"), ("anna", "tablet", "192.0.2.3"), ("anna", "phone", "192.0.2.3"))
    assert_true(database)


def test_count_is_used_where_nothing_came_since(function: Function, database: Scratch) -> None:
    write(function, *PAIRS)
    count_sharing(database)
    database.execute("DELETE FROM user_logins")
    assert (database.count("shared_ips"), database.count("shared_devices")) == (1, 1)
    count_sharing(database)
    assert (database.count("shared_ips"), database.count("shared_devices")) == (0, 0)


def test_login_that_is_committed_during_the_count(function: Function, database: Scratch) -> None:
    """The transaction began before the count and ended after it, so the count could not see the login."""
    write(function, *PAIRS)
    database.execute("SELECT count_sharing()")
    database.execute(
        """
        INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                                 masked_device_id, app_version_name, written_at)
        SELECT gen_random_uuid(), create_date, app_version, salt_version, 'late', device_type, masked_ip,
               masked_device_id, app_version_name, now() - interval '1 minute' FROM user_logins
        """
    )
    assert_true(database)


def test_roles(database: Scratch) -> None:
    granted = database.query(
        """
        SELECT r.rolname, has_table_privilege(r.oid, 'counted_ips', 'SELECT'),
               has_function_privilege(r.oid, 'count_sharing()', 'EXECUTE')
        FROM pg_roles r WHERE r.rolname IN ('analyst', 'ingest', 'remover') ORDER BY 1
        """
    )
    assert granted == [("analyst", True, False), ("ingest", False, False), ("remover", False, True)]
