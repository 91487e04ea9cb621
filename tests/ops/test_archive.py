"""`archive`, `--drop`, `--restore`: a login is in the database or in an archive, and comes back once."""

from pathlib import Path

import pytest

from tests.function import Function
from tests.ops.archiving import arrive_late, counts, drop, everything, restore
from tests.ops.command_line import CommandLine
from tests.ops.lake_reader import data_files, newest_manifests
from tests.ops.months import months_ago, partitions
from tests.scratch import Scratch
from tests.support import make_record


@pytest.mark.parametrize("has_partition", [True, False])
@pytest.mark.usefixtures("partitioned")
def test_archive_and_restore(
    loginpipe: CommandLine,
    database: Scratch,
    old_month: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_partition: bool,
) -> None:
    monkeypatch.setattr("ops.lake.archive.PAGE", 50)
    monkeypatch.setattr("ops.lake.staging.LOGINS_A_FILE", 100)
    if has_partition:
        database.execute("SELECT create_login_partitions(%s::date, 1)", f"{old_month}-01")
    before = everything(database)
    words = ("archive", "--month", old_month, str(tmp_path / "a"))
    finished = loginpipe("--json", *words)
    assert finished.code == 0, finished.err
    kept = finished.data
    assert (kept["logins"], kept["dropped"], database.count()) == (230, False, 230)
    assert len(data_files(tmp_path / "a")) == 3, "100 logins a file"
    assert loginpipe(*words, "--drop", answer="n\n").code == 1
    assert database.count() == 230
    assert len([*loginpipe("--json", "audit", "--action", "archive").data]) == 2, "what was refused left an archive"
    dropped = drop(loginpipe, old_month, tmp_path / "a")
    assert (dropped["dropped"], database.count()) == (True, 0)
    assert f"user_logins_{old_month.replace('-', '_')}" not in partitions(database)
    restored = restore(loginpipe, old_month, tmp_path / "a")
    assert counts(restored) == (230, 460, 0)
    assert sorted(each["written"] for each in restored["archives"]) == [0, 0, 230]
    assert everything(database) == before
    assert counts(restore(loginpipe, old_month, tmp_path / "a")) == (0, 690, 0)
    entries = database.query(
        "SELECT action, counts ->> 'dropped', counts ->> 'archive' FROM audit.entries WHERE action <> 'export' "
        "ORDER BY id"
    )
    assert entries == [
        ("archive", "false", kept["archive"]),
        ("archive", "false", entries[1][2]),
        ("archive", "true", dropped["archive"]),
        ("restore", None, None),
        ("restore", None, None),
    ]


def test_audit_entry_of_a_drop(loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path) -> None:
    dropped = drop(loginpipe, old_month, tmp_path)
    ((subject, counted),) = database.query("SELECT subject, counts FROM audit.entries WHERE action = 'archive'")
    assert subject == old_month
    assert counted == {
        "logins": 230,
        "checksum": dropped["checksum"],
        "archive": dropped["archive"],
        "target": str(tmp_path),
        "dropped": True,
    }


def test_drop_twice(loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path) -> None:
    before = everything(database)
    first = drop(loginpipe, old_month, tmp_path)
    second = drop(loginpipe, old_month, tmp_path, code=4)
    assert (second["logins"], second["dropped"], second["archive"]) == (0, False, None)
    assert [each["archive"] for each in second["before"]] == [first["archive"]]
    assert len(newest_manifests(tmp_path)) == len(data_files(tmp_path)) == 1, "nothing is written for no login"
    finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
    assert "nothing to archive" in finished.err
    assert first["archive"] in finished.out
    assert counts(restore(loginpipe, old_month, tmp_path)) == (230, 0, 0)
    assert everything(database) == before


def test_month_that_never_had_logins(loginpipe: CommandLine, tmp_path: Path) -> None:
    finished = loginpipe("archive", "--month", months_ago(5)[0], str(tmp_path), "--drop", "--yes")
    assert (finished.code, "holds no logins" in finished.err) == (4, True)
    assert list(tmp_path.iterdir()) == []


def test_late_logins_between_two_drops(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    drop(loginpipe, old_month, tmp_path)
    arrive_late(function, old_month, "late")
    assert drop(loginpipe, old_month, tmp_path)["logins"] == 1
    assert database.count() == 0
    restored = restore(loginpipe, old_month, tmp_path)
    assert [each["written"] for each in restored["archives"]] == [230, 1]
    assert database.count() == 231


def test_delivered_again_after_the_drop(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    """It is a new arrival. A restore merges it by its key."""
    record = make_record(user_id="twice", sent=months_ago(3)[1])
    assert function(record) == []
    drop(loginpipe, old_month, tmp_path)
    assert function(record) == []
    assert counts(restore(loginpipe, old_month, tmp_path)) == (230, 1, 0)
    assert database.query("SELECT count(*) FROM user_logins WHERE user_id = 'twice'") == [(1,)]


def test_archive_elsewhere_is_named(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    drop(loginpipe, old_month, tmp_path / "one")
    arrive_late(function, old_month, "late")
    kept = loginpipe("archive", "--month", old_month, str(tmp_path / "copy"))
    assert kept.code == 0  # It has no login that is not elsewhere too.
    drop(loginpipe, old_month, tmp_path / "two")
    restored = restore(loginpipe, old_month, tmp_path / "two")
    assert [each["target"] for each in restored["elsewhere"]] == [str(tmp_path / "one")]
    finished = loginpipe("archive", "--month", old_month, str(tmp_path / "two"), "--restore")
    assert str(tmp_path / "one") in finished.err


def test_archive_of_this_month_is_not_dropped(loginpipe: CommandLine, tmp_path: Path) -> None:
    assert loginpipe("archive", "--month", months_ago(0)[0], str(tmp_path), "--drop", "--yes").code == 2
    assert loginpipe("archive", "--month", "2026-13", str(tmp_path)).code == 2
    assert loginpipe("archive", "--month", "2026-01", str(tmp_path), "--drop", "--restore").code == 2


def test_restore_nothing(loginpipe: CommandLine, tmp_path: Path) -> None:
    assert loginpipe("archive", "--month", "2026-01", str(tmp_path), "--restore").code == 4


def test_target_that_cannot_be_written(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    finished = loginpipe("archive", "--month", old_month, str(tmp_path / "file"), "--drop", "--yes")
    assert (finished.code, database.count()) == (1, 230)
    assert "file" in finished.err
