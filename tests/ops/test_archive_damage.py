"""Damaged, incomplete and refused archives: they restore nothing, and no run overwrites an archive."""

from pathlib import Path

import pytest

from ops.places import Folder
from tests.function import Function
from tests.ops.archiving import arrive_late, counts, drop, restore
from tests.ops.command_line import CommandLine
from tests.ops.earlier_archives import write_second_format
from tests.scratch import Scratch


@pytest.mark.parametrize(("flawless", "told"), [(".json", "SHA-256"), (".parquet", "is not a manifest")])
def test_archive_that_was_not_stored_as_written(
    loginpipe: CommandLine,
    database: Scratch,
    old_month: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flawless: str,
    told: str,
) -> None:
    """The command reads each archive back before it drops anything."""
    create = Folder.create

    def create_with_a_flaw(self: Folder, path: str, data: bytes) -> None:
        create(self, path, data if path.endswith(flawless) else data[:-1] + bytes([data[-1] ^ 1]))

    monkeypatch.setattr(Folder, "create", create_with_a_flaw)
    finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
    assert (finished.code, told in finished.err, database.count()) == (1, True, 230)


TRIGGER = """
    CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION USING ERRCODE = '{}', MESSAGE = new::text, DETAIL = new::text, HINT = new::text;
    END $$;
    CREATE TRIGGER complain BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION complain();
"""


@pytest.mark.parametrize(("state", "refusal"), [
    ("23514", "ALTER TABLE user_logins ADD CONSTRAINT picky CHECK (user_id <> 'user 99')"),
    ("23514", TRIGGER.format("23514")),
    ("P0001", TRIGGER.format("P0001")),
])  # fmt: skip
def test_refused_restore_prints_no_values(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path, state: str, refusal: str
) -> None:
    drop(loginpipe, old_month, tmp_path)
    database.execute(refusal)
    finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--restore")
    assert (finished.code, f"SQLSTATE {state}" in finished.err, database.count()) == (1, True, 0)
    assert not any(text in finished.out + finished.err for text in ("user 9", "android", "RU"))


def test_incomplete_archive_is_left_alone(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path
) -> None:
    """This holds for today's format and for the format before it."""
    dropped = drop(loginpipe, old_month, tmp_path)
    left = [f"{old_month}/0f0f/logins-00000.jsonl.gz", f"month={old_month}/day=01/0f0f.0.parquet"]
    for name in left:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"half of")
    restored = restore(loginpipe, old_month, tmp_path)
    assert restored["incomplete"] == [f"{old_month}/0f0f", left[1]]
    assert [each["archive"] for each in restored["archives"]] == [dropped["archive"]]
    for path in (tmp_path / "_manifests").rglob("*.json"):
        path.unlink()
    finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--restore")
    assert (finished.code, "0f0f" in finished.err) == (4, True)


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "changed":
        data[len(data) // 2] ^= 255
    path.unlink()
    if how != "missing":
        path.write_bytes(data[: len(data) // 2] if how == "half" else data)


@pytest.mark.parametrize("how", ["changed", "half", "missing"])
@pytest.mark.parametrize("damaged", ["file", "manifest"])
def test_damaged_archive_restores_nothing(
    loginpipe: CommandLine,
    database: Scratch,
    function: Function,
    old_month: str,
    tmp_path: Path,
    damaged: str,
    how: str,
) -> None:
    """The command verifies all archives before it writes the first login."""
    drop(loginpipe, old_month, tmp_path)
    arrive_late(function, old_month, "late")
    second = drop(loginpipe, old_month, tmp_path)
    (file,) = (
        path for path in tmp_path.rglob(f"{second['archive']}*") if (path.suffix == ".json") == (damaged == "manifest")
    )
    damage(file, how)
    finished = loginpipe("--json", "archive", "--month", old_month, str(tmp_path), "--restore")
    if (damaged, how) == ("manifest", "missing"):  # it is no archive then, but the audit table names it
        assert counts(finished.data) == (230, 0, 0)
        assert [each["archive"] for each in finished.data["elsewhere"]] == [second["archive"]]
    else:
        assert (finished.code, database.count()) == (1, 0)
        assert file.name in finished.err


@pytest.mark.parametrize("damaged", ["logins-00000.jsonl.gz", "manifest.json"])
def test_damaged_archive_of_an_earlier_format_restores_nothing(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path, damaged: str
) -> None:
    folder = write_second_format(database, old_month, tmp_path)
    database.execute("DELETE FROM user_logins")
    damage(folder / damaged, "changed")
    finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--restore")
    assert (finished.code, database.count()) == (1, 0)


def test_archive_is_never_overwritten(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with the same id does not overwrite it either."""
    monkeypatch.setattr("ops.lake.archive.uuid.uuid4", lambda: "same")
    drop(loginpipe, old_month, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert restore(loginpipe, old_month, tmp_path)["written"] == 230
    finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
    assert (finished.code, "never overwritten" in finished.err) == (1, True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert database.count() == 230
