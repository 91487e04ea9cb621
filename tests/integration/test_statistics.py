"""After an erasure the planner's statistics hold no value of the person."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.scratch import Scratch

LOGINS = """
    INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                             masked_device_id, app_version_name)
    SELECT gen_random_uuid(), '2023-11-15'::date - n, 1, 1, %s, 'd', %s || n / 2, %s || n / 2, '0.0.1'
    FROM generate_series(1, 40) n
"""
BATCH = """
    INSERT INTO vault.inbox (salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes)
    SELECT 1, min(create_date), max(create_date), gen_random_uuid(), '', '', string_agg(masked_ip, ','),
           string_agg('AAAA', ',') FROM user_logins
"""
LINK = """
    INSERT INTO pseudonym_links (old, new, old_version, new_version)
    SELECT DISTINCT masked_ip, 'new ' || masked_ip, 1, 2 FROM user_logins
"""
STATISTICS = """
    SELECT schemaname || '.' || tablename || '.' || attname FROM pg_stats
    WHERE schemaname IN ('public', 'vault')
      AND coalesce(most_common_vals::text, '') || coalesce(histogram_bounds::text, '') ~ %s
"""
HELD = "SELECT count(*), sum(line_checksum(login_line(user_logins))) FROM user_logins"


def pattern(database: Scratch, user: str) -> str:
    """Returns a pattern that matches all values in the logins of a user, and no value of other users."""
    ids = database.query("SELECT event_id::text FROM user_logins WHERE user_id = %s", user)
    return "|".join([user, *(event_id for (event_id,) in ids)])


def test_statistics_forget_a_person_too(database: Scratch) -> None:
    database.execute("SELECT create_login_partitions('2023-10-01', 2)")
    for user in ("anna", "bert"):
        database.execute(LOGINS, user, user, user)
    anna = pattern(database, "anna")
    database.execute("ANALYZE")
    before = {name for (name,) in database.query(STATISTICS, anna)}
    assert {"public.user_logins.user_id", "public.user_logins_2023_11.event_id"} <= before
    database.execute("SELECT forget_user('anna', 'who', 'request', 'why')")
    assert database.query(STATISTICS, anna) == []
    assert database.query(STATISTICS, "bert") != []


def test_statistics_forget_the_only_person_too(database: Scratch) -> None:
    """ANALYZE keeps the statistics of a table without rows."""
    database.execute("SELECT create_login_partitions('2023-10-01', 1)")
    database.execute(LOGINS, "anna", "anna", "anna")
    anna = pattern(database, "anna")
    database.execute("ANALYZE")
    assert {name.split(".")[1] for (name,) in database.query(STATISTICS, anna)} == {
        "user_logins", "user_logins_default", "user_logins_2023_10",
    }  # fmt: skip
    database.execute("SELECT forget_user('anna', 'who', 'request', 'why')")
    assert database.query(STATISTICS, anna) == []


def test_statistics_hold_pseudonyms_of_logins_only(database: Scratch) -> None:
    """Only logins connect a person and a pseudonym, so an erasure cannot find all pseudonyms in other tables."""
    database.execute(LOGINS, "anna", "anna", "anna")
    database.execute(BATCH)
    database.execute("ANALYZE")
    database.execute("SELECT vault.unfold(1000)")
    database.execute(LINK)
    database.execute("SELECT count_sharing()")
    database.execute("ANALYZE")
    found = {name.rpartition(".")[0] for (name,) in database.query(STATISTICS, "anna|AAAA")}
    assert found == {"public.user_logins", "public.user_logins_default"}


@pytest.mark.parametrize(
    "removal",
    [
        "drop_archived_logins('2023-10-01', {logins}, {checksum}, 'archive', 'target', 'who', 'request', 'why')",
        "drop_archived_logins('2023-11-01', {logins}, {checksum}, 'archive', 'target', 'who', 'request', 'why')",
        "drop_old_logins('2023-12-01', false, 'who', 'request', 'why')",
    ],
    ids=["archive of a partition", "archive of the default partition", "retention"],
)
def test_statistics_forget_logins_that_were_dropped(database: Scratch, removal: str) -> None:
    """A later erasure does not know the pseudonyms of these logins any more."""
    database.execute("SELECT create_login_partitions('2023-10-01', 1)")
    database.execute(LOGINS, "anna", "anna", "anna")
    kept = "2023-11-01" if "2023-11-01" in removal else "2023-10-01"
    database.execute("DELETE FROM user_logins WHERE date_trunc('month', create_date) <> %s::date", kept)
    anna = pattern(database, "anna")
    database.execute("ANALYZE")
    assert database.query(STATISTICS, anna) != []
    ((logins, checksum),) = database.query(HELD)
    database.execute("SELECT " + removal.format(logins=logins, checksum=checksum))
    assert database.count() == 0
    assert database.query(STATISTICS, anna) == []


def test_statistics_without_the_person_stay_as_they_are(database: Scratch) -> None:
    database.execute(LOGINS, "bert", "bert", "bert")
    database.execute("ANALYZE")
    before = database.query(STATISTICS, "bert")
    assert database.query("SELECT analyze_tables_with(ARRAY['anna'])") == [(0,)]
    assert database.query(STATISTICS, "bert") == before
    assert database.query("SELECT analyze_tables_with(ARRAY['anna', 'bert'])") == [(1,)]


def test_erasure_waits_for_an_analyze_that_has_read_the_person(database: Scratch) -> None:
    """Otherwise ANALYZE would write the values that it read after the erasure has searched the statistics."""
    for user in ("anna", "bert"):
        database.execute(LOGINS, user, user, user)
    with closing(database.connect()) as other, other.cursor() as cursor, ThreadPoolExecutor() as pool:
        other.autocommit = False
        cursor.execute("ANALYZE user_logins_default")
        forgetting = pool.submit(database.execute, "SELECT forget_user('anna', 'who', 'request', 'why')")
        database.wait_for_waiting()
        other.commit()
        forgetting.result()
    assert database.query(STATISTICS, "anna") == []


def test_erasure_and_upkeep_do_not_wait_in_a_circle(database: Scratch) -> None:
    """Both change the statistics or partitions of the table, and statistics of the default partition."""
    database.execute(LOGINS, "anna", "anna", "anna")
    database.execute("ANALYZE user_logins")
    with closing(database.connect()) as other, other.cursor() as cursor, ThreadPoolExecutor() as pool:
        other.autocommit = False
        cursor.execute("LOCK TABLE ONLY user_logins IN SHARE UPDATE EXCLUSIVE MODE")
        forgetting = pool.submit(database.execute, "SELECT forget_user('anna', 'who', 'request', 'why')")
        database.wait_for_waiting()
        cursor.execute("LOCK TABLE user_logins_default IN ACCESS EXCLUSIVE MODE")
        other.commit()
        forgetting.result()
    assert database.count() == 0
