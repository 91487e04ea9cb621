"""`retention` and `archive`: months leave whole, nothing is dropped that is not safe elsewhere."""

import json
import time
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.months import months_ago, partitions
from tests.scratch import Scratch
from tests.support import NOON, make_record

BUSY = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


@pytest.mark.usefixtures("partitioned")
def test_retention(loginpipe: CommandLine, sealing_function: Function, database: Scratch) -> None:
    for ago in (0, 2, 3, 4):
        name, sent = months_ago(ago)
        database.execute("SELECT create_login_partitions(%s::date, 1)", f"{name}-01")
        assert sealing_function(make_record(user_id=name, sent=sent, device_id=name)) == []
    assert sealing_function(make_record(user_id="ancient", sent=NOON, device_id="ancient")) == []
    database.execute(f"DROP TABLE user_logins_{months_ago(-12)[0].replace('-', '_')}")
    old = [months_ago(4)[0], months_ago(3)[0]]
    finished = loginpipe("--json", "retention", "--months", "2", "--dry-run")
    assert [(row["month"], row["logins"]) for row in finished.data["dropped"]] == [
        *((name, 1) for name in old),
        (None, 1),
    ]
    assert database.count() == 5
    assert loginpipe("retention", "--months", "2", answer="n\n").code == 1
    assert database.count() == 5
    data = loginpipe("--json", "retention", "--months", "2", "--yes").data
    assert (data["made"], data["originals"]) == (1, 3)
    assert database.rows() == sorted([(months_ago(0)[0],), (months_ago(2)[0],)])
    assert database.count("vault.originals") == 3
    assert database.count("vault.data_keys") == 2
    assert not partitions(database) & {f"user_logins_{name.replace('-', '_')}" for name in old}
    ((action, counted),) = database.query("SELECT action, counts FROM audit.entries")
    assert (action, counted) == ("retention", {"logins": 3, "partitions": 2})
    nothing = loginpipe("--json", "retention", "--months", "2", "--yes")
    assert (nothing.code, nothing.data["dropped"]) == (4, [])
    assert database.count("audit.entries") == 1


def test_retention_never_takes_this_month(loginpipe: CommandLine, operators: dict[str, Any]) -> None:
    assert loginpipe("retention", "--months", "0", "--yes").code == 2
    with operators["remover"].cursor() as cursor, pytest.raises(psycopg2.errors.RaiseException):
        cursor.execute("SELECT * FROM drop_old_logins(current_date + 40, false, 'a', 'b', 'c')")


def test_retention_keeps_what_is_not_old(loginpipe: CommandLine, function: Function, database: Scratch) -> None:
    """It also finds logins without a partition, where logins of future years lie beside old ones."""
    for user, sent in (("ancient", NOON), ("ahead", int((time.time() + 500 * 86_400) * 1000))):
        assert function(make_record(user_id=user, sent=sent)) == []
    assert database.count("user_logins_default") == 2
    dropped = loginpipe("--json", "retention", "--months", "2", "--yes").data["dropped"]
    assert dropped == [{"month": None, "logins": 1}]
    assert database.rows() == [("ahead",)]


def test_retention_drops_old_rejects(loginpipe: CommandLine, database: Scratch) -> None:
    database.execute(
        "INSERT INTO rejected_logins (event_id, message_id, reason, first_seen, last_seen) VALUES "
        "(gen_random_uuid(), 'old', 'empty', now() - interval '200 days', now() - interval '190 days'), "
        "(gen_random_uuid(), 'again', 'empty', now() - interval '200 days', now())"
    )
    finished = loginpipe("retention", "--months", "2", "--yes")
    assert (finished.code, "Removed 1 reject of that age." in finished.out) == (0, True)
    assert database.rows("message_id", "rejected_logins") == [("again",)]


def test_upkeep_locks_the_table_before_its_partitions(loginpipe: CommandLine, database: Scratch) -> None:
    """Drops, readers and writers do the same, so no two wait for each other."""
    database.execute(f"DROP TABLE user_logins_{months_ago(-12)[0].replace('-', '_')}")
    with closing(database.connect()) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("LOCK TABLE ONLY user_logins IN ACCESS EXCLUSIVE MODE")
        process = loginpipe.start("--json", "upkeep")
        database.wait_for_waiting()
        cursor.execute("LOCK TABLE user_logins_default IN ACCESS EXCLUSIVE MODE")
        other.rollback()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)) == (0, {"made": 1}), err


def test_this_month_is_never_dropped_by_the_database_either(database: Scratch, function: Function) -> None:
    """The command line uses its own clock, which may be wrong."""
    assert function(make_record(sent=int(time.time() * 1000))) == []
    with pytest.raises(psycopg2.errors.RaiseException, match="current month"):
        database.execute(
            "SELECT drop_archived_logins(date_trunc('month', now() AT TIME ZONE 'UTC')::date, "
            "1, 0, 'archive', 'target', 'who', NULL, 'why')"
        )
    assert database.count() == 1
