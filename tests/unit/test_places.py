"""A folder for archives: what is written there stays as it is, and is nobody else's to read."""

import os
from pathlib import Path

import pytest

from ops.errors import NothingFoundError, OpsError
from ops.places import Bucket, Folder, place


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "archives")


def test_file_is_written_whole(folder: Folder, tmp_path: Path) -> None:
    folder.create("2026-01/id/a", b"text")
    assert folder.read("2026-01/id/a") == b"text"
    assert folder.paths("2026-01") == ["2026-01/id/a"], "no draft is left"
    assert (tmp_path / "archives/2026-01/id/a").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "archives/2026-01/id").stat().st_mode & 0o077 == 0


def test_file_is_never_replaced(folder: Folder) -> None:
    folder.create("2026-01/a", b"first")
    with pytest.raises(OpsError, match="never overwritten"):
        folder.create("2026-01/a", b"second")
    assert folder.read("2026-01/a") == b"first"
    assert folder.paths("2026-01") == ["2026-01/a"]


def test_draft_of_a_run_that_was_killed_is_no_obstacle(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "archives/2026-01").mkdir(parents=True)
    (tmp_path / "archives/2026-01/a.part").write_bytes(b"half of a longer text")
    folder.create("2026-01/a", b"whole")
    assert folder.read("2026-01/a") == b"whole"


def test_file_outlasts_a_power_failure(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are on the disk before it has its name, and then the names of all new folders are."""
    done: list[int | str] = []
    fsync, link = os.fsync, os.link

    def note_fsync(descriptor: int) -> None:
        done.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def note_link(draft: Path, target: Path) -> None:
        done.append("named")
        link(draft, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "link", note_link)
    folder.create("2026-01/id/a", b"text")
    root = tmp_path / "archives"
    folders = [root / "2026-01/id", root / "2026-01", root, tmp_path]
    assert done == [(root / "2026-01/id/a").stat().st_ino, "named", *(each.stat().st_ino for each in folders)]


def test_file_that_cannot_be_written(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "archives").write_bytes(b"")
    with pytest.raises(OpsError, match="cannot be written"):
        folder.create("2026-01/a", b"text")


def test_file_that_is_not_there(folder: Folder) -> None:
    with pytest.raises(NothingFoundError, match="cannot be read"):
        folder.read("2026-01/a")
    assert folder.paths("2026-01") == []


def test_files_of_another_month_are_not_listed(folder: Folder) -> None:
    for path in ("2026-01/b/x", "2026-02/x", "2026-01/a"):
        folder.create(path, b"")
    assert folder.paths("2026-01") == ["2026-01/a", "2026-01/b/x"]


def test_place_by_its_name(tmp_path: Path) -> None:
    assert isinstance(place("s3://bucket/prefix/"), Bucket)
    assert place("s3://bucket/prefix/").name == "s3://bucket/prefix"
    assert isinstance(place(str(tmp_path)), Folder)
