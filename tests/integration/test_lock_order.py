"""Removals lock the table before its partitions, as readers, writers and migrations do. So there is no deadlock."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.scratch import Scratch

LOGIN = """
    INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                             masked_device_id, app_version_name)
    VALUES (gen_random_uuid(), '2023-11-15', 1, 1, 'anna', 'd', 'ip', 'device', '0.0.1')
"""
REMOVALS = {
    "retention": "SELECT drop_old_logins('2024-01-01', false, 'who', 'request', 'why')",
    "archive": "SELECT drop_archived_logins('2023-11-01', 1, {checksum}, 'a', 't', 'who', 'request', 'why')",
    "forget": "SELECT forget_user('anna', 'who', 'request', 'why')",
}


def prepare(database: Scratch, removal: str, partition: str) -> str:
    """Writes one login to `partition`; returns the statement with which `removal` deletes it."""
    if partition != "user_logins_default":
        database.query("SELECT create_login_partitions('2023-11-01', 1)")
    database.execute(LOGIN)
    ((checksum,),) = database.query("SELECT sum(line_checksum(login_line(l))) FROM user_logins l")
    return REMOVALS[removal].format(checksum=checksum)


@pytest.mark.parametrize("partition", ["user_logins_2023_11", "user_logins_default"])
@pytest.mark.parametrize("removal", REMOVALS)
def test_removal_locks_the_table_before_its_partitions(database: Scratch, removal: str, partition: str) -> None:
    statement = prepare(database, removal, partition)
    with closing(database.connect()) as other, other.cursor() as cursor, ThreadPoolExecutor() as pool:
        other.autocommit = False
        cursor.execute("LOCK TABLE ONLY user_logins IN ACCESS EXCLUSIVE MODE")
        removing = pool.submit(database.query, statement)
        database.wait_for_waiting()
        cursor.execute(f"LOCK TABLE {partition} IN ACCESS EXCLUSIVE MODE")
        other.rollback()
        removing.result()
    assert database.count() == 0


@pytest.mark.parametrize("partition", ["user_logins_2023_11", "user_logins_default"])
@pytest.mark.parametrize("removal", ["retention", "archive"])
def test_removal_waits_for_a_reader_that_goes_on_to_the_partition(
    database: Scratch, removal: str, partition: str
) -> None:
    statement = prepare(database, removal, partition)
    with closing(database.connect()) as reader, reader.cursor() as cursor, ThreadPoolExecutor() as pool:
        reader.autocommit = False
        cursor.execute("LOCK TABLE ONLY user_logins IN ACCESS SHARE MODE")
        removing = pool.submit(database.query, statement)
        if partition != "user_logins_default":  # rows of the default partition leave one by one, and nobody waits
            database.wait_for_waiting()
        cursor.execute("SELECT count(*) FROM user_logins")
        reader.rollback()
        removing.result()
    assert database.count() == 0
