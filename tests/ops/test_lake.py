"""The lake: a forgotten person leaves hot and cold months alike, and old months leave."""

import json
import sys
from pathlib import Path

import pytest

from tests.ops.command_line import CommandLine
from tests.ops.earlier_archives import write_second_format
from tests.ops.lake_person import PERSON, REASON, archive, assert_nothing_left, forget
from tests.ops.lake_reader import data_files, read_rows
from tests.scratch import Scratch


def test_forget_across_hot_and_cold_months(
    loginpipe: CommandLine, database: Scratch, months_with_person: list[str], tmp_path: Path
) -> None:
    archive(loginpipe, months_with_person, tmp_path)
    assert len(read_rows(tmp_path)) == 7
    dry = loginpipe("--json", "forget", "--user-id", PERSON, *REASON, "--dry-run").data
    assert (dry["logins"], [(lake["files"], lake["logins"]) for lake in dry["lakes"]]) == (1, [(3, 3)])
    assert len(read_rows(tmp_path)) == 7
    data = forget(loginpipe).data
    assert (data["logins"], [(lake["files"], lake["logins"]) for lake in data["lakes"]]) == (1, [(3, 3)])
    assert data["archives"] == [], "no archive holds the person any more"
    assert_nothing_left(tmp_path)
    assert sorted(row["user_id"] for row in read_rows(tmp_path)) == ["anna", "anna", "ben", "ben"]
    for month in months_with_person[1:]:
        assert loginpipe("archive", "--month", month, str(tmp_path), "--restore").code == 0
    assert database.rows() == sorted([("anna",), ("ben",)] * 3)
    entries = database.query(
        "SELECT subject, counts FROM audit.entries WHERE action IN ('forget', 'erase') ORDER BY id"
    )
    assert len({subject for subject, _ in entries}) == 1
    assert entries[1][1] == {"target": str(tmp_path), "archives": 2, "files": 3, "logins": 3, "is_complete": True}


def test_forget_somebody_of_archives_only(
    loginpipe: CommandLine, database: Scratch, months_with_person: list[str], tmp_path: Path
) -> None:
    archive(loginpipe, months_with_person, tmp_path)
    database.execute("DELETE FROM user_logins")
    forget(loginpipe)
    assert_nothing_left(tmp_path)
    forget(loginpipe, code=4)


def test_forget_in_an_archive_that_was_moved(
    loginpipe: CommandLine, months_with_person: list[str], tmp_path: Path
) -> None:
    archive(loginpipe, months_with_person, tmp_path / "first")
    (tmp_path / "first").rename(tmp_path / "second")
    data = forget(loginpipe).data
    assert [each["target"] for each in data["archives"]] == [str(tmp_path / "first")] * 2
    assert forget(loginpipe, "--archives", str(tmp_path / "second")).data["archives"] == []
    assert_nothing_left(tmp_path / "second")


def test_forget_names_archives_of_earlier_formats(
    loginpipe: CommandLine, database: Scratch, months_with_person: list[str], tmp_path: Path
) -> None:
    archive(loginpipe, months_with_person, tmp_path)
    folder = write_second_format(database, months_with_person[0], tmp_path)
    counts = json.dumps({"archive": folder.name, "target": str(tmp_path), "logins": 3, "dropped": False})
    database.execute("SELECT audit.append('archive', 'a', NULL, 'b', %s, counts => %s)", months_with_person[0], counts)
    assert [each["archive"] for each in forget(loginpipe).data["archives"]] == [folder.name]


@pytest.mark.parametrize("how", ["changed", "missing"])
def test_forget_says_which_file_it_could_not_read(
    loginpipe: CommandLine, months_with_person: list[str], tmp_path: Path, how: str
) -> None:
    """It continues with the other files."""
    archive(loginpipe, months_with_person, tmp_path)
    damaged = data_files(tmp_path)[0]
    data = bytearray(damaged.read_bytes())
    damaged.unlink()
    if how == "changed":
        data[len(data) // 2] ^= 255
        damaged.write_bytes(data)
    (lake,) = forget(loginpipe, code=3).data["lakes"]
    assert [damaged.name in error for error in lake["errors"]] == [True]
    assert lake["files"] == 2


def test_forget_without_duckdb(
    loginpipe: CommandLine,
    database: Scratch,
    months_with_person: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The person leaves the database, and one sentence says what is missing."""
    archive(loginpipe, months_with_person, tmp_path)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "duckdb", None)
        (lake,) = forget(loginpipe, code=3).data["lakes"]
        assert "login-masking-pipeline[lake]" in lake["errors"][0]
        finished = loginpipe("archive", "--month", months_with_person[0], str(tmp_path))
        assert (finished.code, "login-masking-pipeline[lake]" in finished.err) == (2, True)
    assert database.count() == 2
    forget(loginpipe)
    assert_nothing_left(tmp_path)


def test_retention_deletes_days(
    loginpipe: CommandLine, database: Scratch, months_with_person: list[str], tmp_path: Path
) -> None:
    archive(loginpipe, months_with_person, tmp_path)
    words = ("--json", "retention", "--months", "2", "--yes")
    assert loginpipe(*words).data["lakes"] == [], "archives are kept unless they are named"
    assert len(read_rows(tmp_path)) == 7
    dry = loginpipe(*words, "--archives", str(tmp_path), "--dry-run").data
    assert [(lake["files"], lake["logins"]) for lake in dry["lakes"]] == [(2, 4)]
    assert len(read_rows(tmp_path)) == 7
    assert loginpipe(*words, "--archives", str(tmp_path)).code == 0
    assert {row["month"] for row in read_rows(tmp_path)} == {months_with_person[1]}
    assert loginpipe("archive", "--month", months_with_person[1], str(tmp_path), "--restore").code == 0
    ((subject, counts),) = database.query("SELECT subject, counts FROM audit.entries WHERE action = 'erase'")
    assert (subject, counts["files"], counts["logins"]) == (f"before {months_with_person[1]}", 2, 4)
    assert loginpipe(*words, "--archives", str(tmp_path)).code == 4
