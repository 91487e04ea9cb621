"""The lake: a forgotten person leaves hot and cold months alike, old months leave, and kills do no harm."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ops.lake.archive
from ops import operations
from ops.lake import erasure
from ops.lake.manifests import add_manifest
from ops.lake.workbench import workbench
from ops.operations.site import Site
from ops.places import Folder
from tests.function import Function
from tests.ops.command_line import CommandLine, Finished
from tests.ops.earlier_archives import write_second_format
from tests.ops.lake_reader import data_files, newest_manifests, read_rows
from tests.ops.months import months_ago
from tests.scratch import Scratch
from tests.support import ROOT, make_record

REASON = ("--reason", "request 7")
PERSON = "o'neill \\ ü"


@pytest.fixture
def months(function: Function) -> list[str]:
    """Three months with logins of the person and of others, the current one among them; of one day only theirs."""
    names = []
    for ago in (0, 2, 3):
        name, sent = months_ago(ago)
        names.append(name)
        assert function(*(make_record(user_id=user, sent=sent) for user in (PERSON, "anna", "ben"))) == []
    assert function(make_record(user_id=PERSON, sent=months_ago(3)[1] + 86_400_000)) == []
    return names


def archive(loginpipe: CommandLine, months: list[str], target: Path) -> None:
    for month in months[1:]:
        finished = loginpipe("archive", "--month", month, str(target), "--drop", "--yes")
        assert finished.code == 0, finished.err


def forget(loginpipe: CommandLine, *words: str, code: int = 0) -> Finished:
    finished = loginpipe("--json", "forget", "--user-id", PERSON, *REASON, "--yes", *words)
    assert finished.code == code, finished.err
    return finished


def assert_nothing_left(target: Path) -> None:
    """Neither as an engine reads it nor in any byte that is there."""
    assert PERSON not in {row["user_id"] for row in read_rows(target)}
    for path in target.rglob("*"):
        assert path.is_dir() or PERSON.encode() not in path.read_bytes(), path
    named = {file["name"] for manifest in newest_manifests(target) for file in manifest["files"]}
    assert named == {path.relative_to(target).as_posix() for path in data_files(target)}
    assert len(list((target / "_manifests").rglob("*.json"))) == len(newest_manifests(target))


def test_forget_across_hot_and_cold_months(
    loginpipe: CommandLine, database: Scratch, months: list[str], tmp_path: Path
) -> None:
    archive(loginpipe, months, tmp_path)
    assert len(read_rows(tmp_path)) == 7
    dry = loginpipe("--json", "forget", "--user-id", PERSON, *REASON, "--dry-run").data
    assert (dry["logins"], [(lake["files"], lake["logins"]) for lake in dry["lakes"]]) == (1, [(3, 3)])
    assert len(read_rows(tmp_path)) == 7
    data = forget(loginpipe).data
    assert (data["logins"], [(lake["files"], lake["logins"]) for lake in data["lakes"]]) == (1, [(3, 3)])
    assert data["archives"] == [], "no archive holds the person any more"
    assert_nothing_left(tmp_path)
    assert sorted(row["user_id"] for row in read_rows(tmp_path)) == ["anna", "anna", "ben", "ben"]
    for month in months[1:]:
        assert loginpipe("archive", "--month", month, str(tmp_path), "--restore").code == 0
    assert database.rows() == sorted([("anna",), ("ben",)] * 3)
    entries = database.query(
        "SELECT subject, counts FROM audit.entries WHERE action IN ('forget', 'erase') ORDER BY id"
    )
    assert len({subject for subject, _ in entries}) == 1
    assert entries[1][1] == {"target": str(tmp_path), "archives": 2, "files": 3, "logins": 3, "is_complete": True}


def test_forget_somebody_of_archives_only(
    loginpipe: CommandLine, database: Scratch, months: list[str], tmp_path: Path
) -> None:
    archive(loginpipe, months, tmp_path)
    database.execute("DELETE FROM user_logins")
    forget(loginpipe)
    assert_nothing_left(tmp_path)
    forget(loginpipe, code=4)


def test_forget_in_an_archive_that_was_moved(loginpipe: CommandLine, months: list[str], tmp_path: Path) -> None:
    archive(loginpipe, months, tmp_path / "first")
    (tmp_path / "first").rename(tmp_path / "second")
    data = forget(loginpipe).data
    assert [each["target"] for each in data["archives"]] == [str(tmp_path / "first")] * 2
    assert forget(loginpipe, "--archives", str(tmp_path / "second")).data["archives"] == []
    assert_nothing_left(tmp_path / "second")


def test_forget_names_archives_of_earlier_formats(
    loginpipe: CommandLine, database: Scratch, months: list[str], tmp_path: Path
) -> None:
    archive(loginpipe, months, tmp_path)
    folder = write_second_format(database, months[0], tmp_path)
    counts = json.dumps({"archive": folder.name, "target": str(tmp_path), "logins": 3, "dropped": False})
    database.execute("SELECT audit.append('archive', 'a', NULL, 'b', %s, counts => %s)", months[0], counts)
    assert [each["archive"] for each in forget(loginpipe).data["archives"]] == [folder.name]


@pytest.mark.parametrize("how", ["changed", "missing"])
def test_forget_says_which_file_it_could_not_read(
    loginpipe: CommandLine, months: list[str], tmp_path: Path, how: str
) -> None:
    """And goes on with the others."""
    archive(loginpipe, months, tmp_path)
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
    loginpipe: CommandLine, database: Scratch, months: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is erased all the same, and one sentence says what is missing."""
    archive(loginpipe, months, tmp_path)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "duckdb", None)
        (lake,) = forget(loginpipe, code=3).data["lakes"]
        assert "login-masking-pipeline[lake]" in lake["errors"][0]
        finished = loginpipe("archive", "--month", months[0], str(tmp_path))
        assert (finished.code, "login-masking-pipeline[lake]" in finished.err) == (2, True)
    assert database.count() == 2
    forget(loginpipe)
    assert_nothing_left(tmp_path)


# ---- retention ------------------------------------------------------------------------------------------------------


def test_retention_deletes_days(loginpipe: CommandLine, database: Scratch, months: list[str], tmp_path: Path) -> None:
    archive(loginpipe, months, tmp_path)
    words = ("--json", "retention", "--months", "2", "--yes")
    assert loginpipe(*words).data["lakes"] == [], "archives are kept unless they are named"
    assert len(read_rows(tmp_path)) == 7
    dry = loginpipe(*words, "--archives", str(tmp_path), "--dry-run").data
    assert [(lake["files"], lake["logins"]) for lake in dry["lakes"]] == [(2, 4)]
    assert len(read_rows(tmp_path)) == 7
    assert loginpipe(*words, "--archives", str(tmp_path)).code == 0
    assert {row["month"] for row in read_rows(tmp_path)} == {months[1]}
    assert loginpipe("archive", "--month", months[1], str(tmp_path), "--restore").code == 0
    ((subject, counts),) = database.query("SELECT subject, counts FROM audit.entries WHERE action = 'erase'")
    assert (subject, counts["files"], counts["logins"]) == (f"before {months[1]}", 2, 4)
    assert loginpipe(*words, "--archives", str(tmp_path)).code == 4


# ---- several at once ------------------------------------------------------------------------------------------------


def test_forget_while_an_archive_is_written(
    loginpipe: CommandLine, database: Scratch, months: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure comes after the last login was read, and before or after the archive looks for erasures."""
    for number, moment in enumerate(("store_file", "add_manifest")):
        target = tmp_path / str(number)
        real = getattr(ops.lake.archive, moment)
        erasures: list[Any] = []

        def erase_first(*arguments: Any, target: Path = target, real: Any = real, done: list[Any] = erasures) -> Any:
            if not done:
                done.append(True)
                with monkeypatch.context() as patch:
                    for name, value in loginpipe.environment.items():
                        patch.setenv(name, value)
                    operations.forget(Site(lambda: "who", None), user_id=PERSON, reason="why", dry_run=False)
                erasure.erase_person(Folder(target), PERSON, dry_run=False, step=lambda _: None)
            return real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(ops.lake.archive, moment, erase_first)
            finished = loginpipe("archive", "--month", months[number + 1], str(target))
        assert (finished.code, "Run the command again" in finished.err) == (1, True)
        assert loginpipe("archive", "--month", months[number + 1], str(target)).code == 0
        assert_nothing_left(target)
        assert len(read_rows(target)) == 2


def test_two_erasures_at_once(
    loginpipe: CommandLine, months: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them makes the generation that the other one is about to make."""
    archive(loginpipe, months, tmp_path)
    others: list[str] = ["anna"]

    def erase_another_first(where: Folder, manifest: Any) -> None:
        if others:
            erasure.erase_person(where, others.pop(), dry_run=False, step=lambda _: None)
        add_manifest(where, manifest)

    monkeypatch.setattr("ops.lake.erasure.add_manifest", erase_another_first)
    erasure.erase_person(Folder(tmp_path), PERSON, dry_run=False, step=lambda _: None)
    erasure.erase_person(Folder(tmp_path), "nobody", dry_run=False, step=lambda _: None)
    assert_nothing_left(tmp_path)
    assert sorted(row["user_id"] for row in read_rows(tmp_path)) == ["ben", "ben"]


# ---- what lies on the operator's machine ----------------------------------------------------------------------------

ABANDON = """
import os, pathlib, sys, time
from ops.lake.workbench import workbench
with workbench() as (_, directory):
    (directory / "logins.parquet").write_text("user ids")
    print(directory, flush=True)
    time.sleep(60)
"""


def test_copies_of_a_killed_command_go_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a command that runs stay."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    started = [
        subprocess.Popen([sys.executable, "-c", ABANDON], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    killed, running = (Path((process.stdout or io.StringIO()).readline().strip()) for process in started)
    started[0].kill()
    started[0].communicate()
    assert (killed / "logins.parquet").exists()
    with workbench() as (_, own):
        assert {path for path in tmp_path.iterdir() if path.is_dir()} == {running, own}
        assert own.stat().st_mode & 0o077 == 0
    started[1].kill()
    started[1].communicate()
    assert not own.exists()


# ---- kills ----------------------------------------------------------------------------------------------------------


class KilledError(BaseException):
    """The process ends here."""


KillAt = Callable[[int], None]


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> KillAt:
    """Ends the command at the nth change of files: in the middle of writing, or before a deletion. 0: never."""
    create, remove = Folder.create, Folder.remove
    left = 0

    def arm(number: int) -> None:
        nonlocal left
        left = number

    def is_due() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    def create_or_die(folder: Folder, path: str, data: bytes) -> None:
        if is_due():
            draft = Path(folder.name) / f"{path}.part"
            draft.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(data[: len(data) // 2])
            raise KilledError
        create(folder, path, data)

    def remove_or_die(folder: Folder, path: str) -> None:
        if is_due():
            raise KilledError
        remove(folder, path)

    monkeypatch.setattr(Folder, "create", create_or_die)
    monkeypatch.setattr(Folder, "remove", remove_or_die)
    return arm


def test_forget_killed_at_every_step(
    loginpipe: CommandLine, months: list[str], tmp_path: Path, kill_at: KillAt
) -> None:
    """What others have stays whole at every moment, and the next run comes to the end."""
    archive(loginpipe, months, tmp_path / "0")
    others = sorted(row["event_id"] for row in read_rows(tmp_path / "0") if row["user_id"] != PERSON)
    number, is_killed = 0, True
    while is_killed:
        number += 1
        target = tmp_path / str(number)
        shutil.copytree(tmp_path / "0", target)
        kill_at(number)
        try:
            erasure.erase_person(Folder(target), PERSON, dry_run=False, step=lambda _: None)
            is_killed = False
        except KilledError:
            kill_at(0)
        named = {file["name"] for manifest in newest_manifests(target) for file in manifest["files"]}
        assert named <= {path.relative_to(target).as_posix() for path in data_files(target)}
        erasure.erase_person(Folder(target), PERSON, dry_run=False, step=lambda _: None)
        assert_nothing_left(target)
        assert sorted(row["event_id"] for row in read_rows(target)) == others
    assert number > 10, "3 files, 2 of them replaced"


def test_archive_killed_at_every_step(
    loginpipe: CommandLine, database: Scratch, months: list[str], tmp_path: Path, kill_at: KillAt
) -> None:
    """After the next run an engine finds each login once."""
    month = months[-1]
    logins = database.query("SELECT event_id::text FROM user_logins WHERE to_char(create_date, 'YYYY-MM') = %s", month)
    number, is_killed = 0, True
    while is_killed:
        number += 1
        target = tmp_path / str(number)
        words = ("archive", "--month", month, str(target), "--drop", "--yes")
        kill_at(number)
        try:
            is_killed = loginpipe(*words).code != 0
        except KilledError:
            kill_at(0)
            assert loginpipe(*words).code == 0
        assert sorted(row["event_id"] for row in read_rows(target)) == sorted(event for (event,) in logins)
        assert loginpipe("archive", "--month", month, str(target), "--restore").code == 0
        assert database.count() == 10
    assert number > 3, "2 files and a manifest"
