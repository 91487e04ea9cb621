"""A person in the lake, and the steps that archive and erase the logins."""

from pathlib import Path

from tests.ops.command_line import CommandLine, Finished
from tests.ops.lake_reader import data_files, newest_manifests, read_rows

REASON = ("--reason", "request 7")
PERSON = "o'neill \\ ü"


def archive(loginpipe: CommandLine, months: list[str], target: Path) -> None:
    for month in months[1:]:
        finished = loginpipe("archive", "--month", month, str(target), "--drop", "--yes")
        assert finished.code == 0, finished.err


def forget(loginpipe: CommandLine, *words: str, code: int = 0) -> Finished:
    finished = loginpipe("--json", "forget", "--user-id", PERSON, *REASON, "--yes", *words)
    assert finished.code == code, finished.err
    return finished


def assert_nothing_left(target: Path) -> None:
    """Check that no engine and no byte in the folder shows the person."""
    assert PERSON not in {row["user_id"] for row in read_rows(target)}
    for path in target.rglob("*"):
        assert path.is_dir() or PERSON.encode() not in path.read_bytes(), path
    named = {file["name"] for manifest in newest_manifests(target) for file in manifest["files"]}
    assert named == {path.relative_to(target).as_posix() for path in data_files(target)}
    assert len(list((target / "_manifests").rglob("*.json"))) == len(newest_manifests(target))
