"""Archives beside other sessions, late logins, kills and lost answers: no login is lost."""

import random
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ops import operations
from ops.errors import Exit, OpsError
from ops.lake.files import store_file
from ops.operations import registry
from tests.function import Function
from tests.ops.archiving import arrive_late, counts, drop, everything, restore, restore_rows
from tests.ops.command_line import CommandLine
from tests.ops.lake_reader import data_files, read_rows
from tests.scratch import Scratch

BUSY = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


@pytest.mark.parametrize("attempt", range(4))
def test_two_processes_at_once(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path, attempt: int
) -> None:
    before = everything(database)
    words = ("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
    processes = [loginpipe.start(*words) for _ in range(2)]
    time.sleep(0.3 * attempt)
    arrive_late(function, old_month, "late")
    for process in processes:
        process.communicate(timeout=60)
    finished = loginpipe(*words)
    assert finished.code in {Exit.DONE, Exit.NOTHING}, finished.err  # the two may have left nothing to drop
    assert database.count() == 0
    assert restore(loginpipe, old_month, tmp_path)["written"] == 231
    late = [row for row in everything(database) if "late" in row]
    assert sorted([*before, *late], key=repr) == everything(database)


def test_answer_to_the_commit_is_lost(
    loginpipe: CommandLine,
    database: Scratch,
    old_month: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = everything(database)
    rows = operations.archive_drop

    def drop_and_lose_the_answer(site: Any, **arguments: Any) -> None:
        rows(site, **arguments)
        raise OpsError("The connection to Postgres broke: nothing of the last step is certain. Run the command again.")

    with monkeypatch.context() as patch:
        patch.setitem(registry.OPERATIONS["remover"], "archive_drop", drop_and_lose_the_answer)
        finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
    assert (finished.code, "Run the command again" in finished.err, database.count()) == (1, True, 0)
    assert drop(loginpipe, old_month, tmp_path, code=Exit.NOTHING)["logins"] == 0
    assert counts(restore(loginpipe, old_month, tmp_path)) == (230, 0, 0)
    assert everything(database) == before


def test_archive_killed(loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path) -> None:
    """A kill at any moment leaves the month in the database or complete in an archive."""
    chance = random.Random(7)  # noqa: S311  moments to kill at
    before = everything(database)
    killed = 0
    for _ in range(6):
        process = loginpipe.start("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
        time.sleep(chance.uniform(0.5, 2.5))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
        while database.query(BUSY):  # Postgres finishes its last statement after the kill
            time.sleep(0.02)
        if database.count() == 0:
            restore(loginpipe, old_month, tmp_path)
        assert everything(database) == before
    assert killed


@pytest.mark.parametrize("statement", [
    "UPDATE user_logins SET locale = 'XX' WHERE user_id = 'user 99'",
    "DELETE FROM user_logins WHERE user_id = 'user 99'",
])  # fmt: skip
@pytest.mark.parametrize("has_partition", [True, False])
def test_month_that_changed_is_not_dropped(
    loginpipe: CommandLine,
    database: Scratch,
    old_month: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
    has_partition: bool,
) -> None:
    """The month stays if the archive does not hold exactly its logins. The archive stays too."""
    if has_partition:
        database.execute("SELECT create_login_partitions(%s::date, 1)", f"{old_month}-01")

    def store_while_others_write(*arguments: Any) -> Any:
        database.execute(statement)
        return store_file(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("ops.lake.archive.store_file", store_while_others_write)
        finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
    assert (finished.code, "archive it again" in finished.err) == (1, True)
    left = database.count()
    assert left >= 229
    assert drop(loginpipe, old_month, tmp_path)["logins"] == left
    assert database.count() == 0


def test_login_between_checksum_and_drop_is_kept(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    """The drop computes its checksum without a lock against writers, and checks again under the lock."""
    database.execute("SELECT create_login_partitions(%s::date, 1)", f"{old_month}-01")
    with closing(database.connect()) as reader, reader.cursor() as cursor:
        reader.autocommit = False
        cursor.execute("SELECT count(*) FROM user_logins")  # makes the drop wait for the table
        process = loginpipe.start("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
        database.wait_for_waiting()
        cursor.execute(
            "INSERT INTO user_logins SELECT (jsonb_populate_record(l, jsonb_build_object('event_id', %s))).* "
            "FROM user_logins l WHERE user_id = 'user 99'", (str(uuid.uuid4()),),
        )  # fmt: skip
        reader.commit()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "archive it again" in err) == (1, True)
    assert database.count() == 231


@pytest.mark.parametrize("has_partition", [True, False])
def test_drop_beside_readers(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path, has_partition: bool
) -> None:
    """The drop and a reader with two queries in a transaction never wait for each other."""
    if has_partition:
        database.execute("SELECT create_login_partitions(%s::date, 1)", f"{old_month}-01")
    process = loginpipe.start("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
    with closing(database.connect()) as reader, reader.cursor() as cursor:
        reader.autocommit = False
        while process.poll() is None:
            cursor.execute("SELECT count(*) FROM user_logins WHERE create_date = current_date")
            cursor.execute("SELECT count(*) FROM user_logins")
            cursor.execute("SELECT count(*) FROM user_logins_default")
            reader.commit()
    assert (process.wait(), process.communicate()[1]) == (0, "")
    assert database.count() == 0


def test_leftovers_of_a_killed_run_go_with_the_next_one(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path
) -> None:
    """Other engines would read them as logins."""
    before = everything(database)
    drop(loginpipe, old_month, tmp_path)
    for path in (tmp_path / "_manifests").rglob("*.json"):
        path.unlink()
    (left,) = data_files(tmp_path)
    draft = left.with_name("abc.def.parquet.part")
    draft.write_bytes(left.read_bytes()[:99])
    database.execute("SELECT create_login_partitions(%s::date, 1)", f"{old_month}-01")
    restore_rows(database, before)
    drop(loginpipe, old_month, tmp_path)
    assert not left.exists()
    assert not draft.exists()
    assert len(read_rows(tmp_path)) == 230
    assert counts(restore(loginpipe, old_month, tmp_path)) == (230, 0, 0)
    assert everything(database) == before
