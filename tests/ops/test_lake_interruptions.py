"""The lake under kills and concurrent commands: the next run completes the work, and nobody else loses a login."""

import io
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
from tests.ops.command_line import CommandLine
from tests.ops.lake_person import PERSON, archive, assert_nothing_left
from tests.ops.lake_reader import data_files, newest_manifests, read_rows
from tests.scratch import Scratch
from tests.support import ROOT


def test_forget_while_an_archive_is_written(
    loginpipe: CommandLine,
    database: Scratch,
    months_with_person: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The erasure comes after the archive has read the last login, and before or after it looks for erasures."""
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
            finished = loginpipe("archive", "--month", months_with_person[number + 1], str(target))
        assert (finished.code, "Run the command again" in finished.err) == (1, True)
        assert loginpipe("archive", "--month", months_with_person[number + 1], str(target)).code == 0
        assert_nothing_left(target)
        assert len(read_rows(target)) == 2


def test_two_erasures_at_once(
    loginpipe: CommandLine, months_with_person: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One erasure writes the generation that the other one is about to write."""
    archive(loginpipe, months_with_person, tmp_path)
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


class KilledError(BaseException):
    """The process ends at this point."""


KillAt = Callable[[int], None]


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> KillAt:
    """End the command at the nth change of files: during a write, or before a deletion. 0 means never."""
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
    loginpipe: CommandLine, months_with_person: list[str], tmp_path: Path, kill_at: KillAt
) -> None:
    """The logins of other people stay complete at every moment, and the next run finishes the work."""
    archive(loginpipe, months_with_person, tmp_path / "0")
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
    loginpipe: CommandLine, database: Scratch, months_with_person: list[str], tmp_path: Path, kill_at: KillAt
) -> None:
    """After the next run an engine finds each login once."""
    month = months_with_person[-1]
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
