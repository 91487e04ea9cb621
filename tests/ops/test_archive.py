"""`archive`: nothing is dropped that is not safe elsewhere, nothing is overwritten, and all of it comes back."""

import hashlib
import json
import random
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from lambda_src.staging import COLUMN_LIST as COLUMNS
from ops import operations
from ops.errors import Exit, OpsError
from ops.lake.files import store_file
from ops.operations import registry
from ops.places import Folder
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.earlier_archives import write_first_format, write_second_format
from tests.ops.lake_reader import data_files, newest_manifests, read_rows
from tests.ops.test_retention import months_ago, partitioned, partitions  # noqa: F401  a fixture
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record

BUSY = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""
REASON = ("--reason", "request 7")


@pytest.fixture
def old_month(function: Function, database: Scratch) -> str:
    """A month that is over, with 230 logins, odd texts among them; it has no partition."""
    name, sent = months_ago(3)
    texts = ["user\t1", "back\\slash", 'quote"', "new\nline", "ünï \u2028 💥", "\x7f"]
    records = [
        make_record(user_id=texts[n] if n < len(texts) else f"user {n}", sent=sent, device_id=f"d{n}")
        for n in range(230)
    ]
    assert function(*records) == []
    return name


def everything(database: Scratch) -> list[tuple[Any, ...]]:
    return database.rows(COLUMNS)


def restore_rows(database: Scratch, rows: list[tuple[Any, ...]]) -> None:
    values = ", ".join(["%s"] * len(rows[0]))
    for row in rows:
        database.execute(f"INSERT INTO user_logins ({COLUMNS}) VALUES ({values})", *row)


def arrive_late(function: Function, month: str, *users: str) -> None:
    sent = months_ago(3)[1]
    assert months_ago(3)[0] == month
    assert function(*(make_record(user_id=user, sent=sent) for user in users)) == []


def drop(loginpipe: CommandLine, month: str, target: Path, *, code: int = 0) -> Any:
    finished = loginpipe("--json", "archive", "--month", month, str(target), "--drop", "--yes")
    assert finished.code == code, finished.err
    return finished.data


def restore(loginpipe: CommandLine, month: str, target: Path) -> Any:
    finished = loginpipe("--json", "archive", "--month", month, str(target), "--restore")
    assert finished.code == 0, finished.err
    return finished.data


def counts(restored: Any) -> tuple[int, int, int]:
    return restored["written"], restored["there_already"], restored["forgotten"]


def forget(loginpipe: CommandLine, user: str, archives: Path | None = None) -> None:
    """Erases somebody; `archives` are out of reach meanwhile, as those of another machine or a backup are."""
    away = None if archives is None else archives.rename(archives.with_name("away"))
    assert loginpipe("forget", "--user-id", user, *REASON, "--yes").code in (0, 4)  # 4: only in archives
    if away is not None and archives is not None:
        away.rename(archives)


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


# ---- nothing is lost ------------------------------------------------------------------------------------------------


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
    """A new arrival, which a restore merges by its key."""
    record = make_record(user_id="twice", sent=months_ago(3)[1])
    assert function(record) == []
    drop(loginpipe, old_month, tmp_path)
    assert function(record) == []
    assert counts(restore(loginpipe, old_month, tmp_path)) == (230, 1, 0)
    assert database.query("SELECT count(*) FROM user_logins WHERE user_id = 'twice'") == [(1,)]


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
    assert finished.code in {Exit.DONE, Exit.NOTHING}, finished.err  # The two may have left nothing to drop.
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
    """Whatever the moment of a kill: the month is in the database, or whole in an archive."""
    chance = random.Random(7)  # noqa: S311  moments to kill at
    before = everything(database)
    killed = 0
    for _ in range(6):
        process = loginpipe.start("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
        time.sleep(chance.uniform(0.5, 2.5))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
        while database.query(BUSY):  # Postgres finishes what it was told before the kill
            time.sleep(0.02)
        if database.count() == 0:
            restore(loginpipe, old_month, tmp_path)
        assert everything(database) == before
    assert killed


@pytest.mark.parametrize(("flawless", "told"), [(".json", "SHA-256"), (".parquet", "is no manifest")])
def test_archive_that_was_not_stored_as_written(
    loginpipe: CommandLine,
    database: Scratch,
    old_month: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flawless: str,
    told: str,
) -> None:
    """Each archive is read back before anything is dropped."""
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
    """What is not exactly in the archive stays; the archive is one all the same."""
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
    """The drop makes its checksum without holding writers up, and looks again once it holds the lock."""
    database.execute("SELECT create_login_partitions(%s::date, 1)", f"{old_month}-01")
    with closing(database.connect()) as reader, reader.cursor() as cursor:
        reader.autocommit = False
        cursor.execute("SELECT count(*) FROM user_logins")  # keeps the drop waiting for the table
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
    """A reader that looks at the table twice in a transaction and the drop never wait for each other."""
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


# ---- what is an archive ---------------------------------------------------------------------------------------------


def test_incomplete_archive_is_left_alone(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path
) -> None:
    """Of today's format and of the one before."""
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


def test_leftovers_of_a_killed_run_go_with_the_next_one(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path
) -> None:
    """Other engines would take them for logins."""
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
    """All archives are verified before the first login is written."""
    drop(loginpipe, old_month, tmp_path)
    arrive_late(function, old_month, "late")
    second = drop(loginpipe, old_month, tmp_path)
    (file,) = (
        path for path in tmp_path.rglob(f"{second['archive']}*") if (path.suffix == ".json") == (damaged == "manifest")
    )
    damage(file, how)
    finished = loginpipe("--json", "archive", "--month", old_month, str(tmp_path), "--restore")
    if (damaged, how) == ("manifest", "missing"):  # then it is no archive, and the audit table says so
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
    """Not even by a run that draws the same id."""
    monkeypatch.setattr("ops.lake.archive.uuid.uuid4", lambda: "same")
    drop(loginpipe, old_month, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert restore(loginpipe, old_month, tmp_path)["written"] == 230
    finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
    assert (finished.code, "never overwritten" in finished.err) == (1, True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert database.count() == 230


def test_archive_elsewhere_is_named(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    drop(loginpipe, old_month, tmp_path / "one")
    arrive_late(function, old_month, "late")
    kept = loginpipe("archive", "--month", old_month, str(tmp_path / "copy"))
    assert kept.code == 0  # Nothing was dropped into it, so that nothing is missing without it.
    drop(loginpipe, old_month, tmp_path / "two")
    restored = restore(loginpipe, old_month, tmp_path / "two")
    assert [each["target"] for each in restored["elsewhere"]] == [str(tmp_path / "one")]
    finished = loginpipe("archive", "--month", old_month, str(tmp_path / "two"), "--restore")
    assert str(tmp_path / "one") in finished.err


def test_archive_read_by_another_engine(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    """What is in the folders is the table: the same columns, each login in the folders of its day."""
    first, second = f"{old_month}-02", f"{old_month}-28"
    for day, users in ((first, ("a", "b")), (second, ("c",))):
        database.execute(
            "INSERT INTO user_logins SELECT (jsonb_populate_record(l, jsonb_build_object('event_id', "
            "gen_random_uuid(), 'create_date', %s, 'user_id', u, 'written_at', now()))).* "
            "FROM (SELECT l FROM user_logins l LIMIT 1) AS one, unnest(%s) AS u", day, list(users),
        )  # fmt: skip
    at = "jsonb_build_object('at', extract(epoch FROM written_at))"
    select = f"SELECT to_jsonb(l) - 'written_at' || {at} FROM user_logins l"
    before = sorted((row for (row,) in database.query(select)), key=lambda row: row["event_id"])
    drop(loginpipe, old_month, tmp_path)
    rows = read_rows(tmp_path)
    for row in rows:
        day = row["create_date"] = row["create_date"].isoformat()
        assert (row.pop("month"), row.pop("day")) == (day[:7], day[8:])
        row["at"] = row.pop("written_at").timestamp()
    assert sorted(rows, key=lambda row: row["event_id"]) == before
    assert {path.parent.relative_to(tmp_path).as_posix() for path in data_files(tmp_path)} == {
        f"month={day[:7]}/day={day[8:]}" for day in {row["create_date"] for row in rows}
    }


def test_manifest(loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path) -> None:
    """What it says is enough to check an archive with nothing of ours."""
    forget(loginpipe, "user 50")
    data = loginpipe("--json", "archive", "--month", old_month, str(tmp_path)).data
    (manifest,) = newest_manifests(tmp_path)
    assert (manifest["month"], manifest["newest_entry"], manifest["logins"]) == (old_month, 2, 229)
    assert (manifest["generation"], manifest["salt_versions"]) == (1, [1])
    assert manifest["schema_version"] == sorted(path.stem for path in Path("lambda_src/migrations").glob("*.sql"))[-1]
    total = 0
    for file in manifest["files"]:
        path = tmp_path / file["name"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
        assert path.stat().st_size == file["bytes"]
        metadata = pyarrow.parquet.read_metadata(path)
        assert metadata.num_rows == file["logins"]
        assert metadata.row_group(0).column(0).compression == "ZSTD"
        assert path.stat().st_mode & 0o077 == 0
        table = pyarrow.parquet.read_table(path, partitioning=None)
        assert set(table.column_names) == {column["name"] for column in manifest["columns"]} | {"written_at"}
        for row in table.drop_columns("written_at").to_pylist():
            row["create_date"] = row["create_date"].isoformat()
            line = json.dumps(dict(sorted(row.items(), key=lambda item: (len(item[0]), item[0]))), ensure_ascii=False)
            total += int.from_bytes(hashlib.sha256(line.encode()).digest()[:8], "big", signed=True)
    assert str(total) == manifest["checksum"] == data["checksum"]


def test_restore_of_the_first_format(loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path) -> None:
    """It does not say which erasures came before it: whoever was ever forgotten stays out."""
    forget(loginpipe, "user 50")
    write_first_format(database, old_month, tmp_path)
    database.execute("DELETE FROM user_logins")
    forget(loginpipe, "user 60")
    assert counts(restore(loginpipe, old_month, tmp_path)) == (228, 0, 1)


def test_restore_of_the_second_format(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    """Beside an archive of today's format."""
    before = everything(database)
    write_second_format(database, old_month, tmp_path)
    database.execute("DELETE FROM user_logins")
    arrive_late(function, old_month, "late")
    drop(loginpipe, old_month, tmp_path)
    forget(loginpipe, "user 60")
    assert counts(restore(loginpipe, old_month, tmp_path)) == (230, 0, 1)
    assert [row for row in everything(database) if "late" not in row] == [row for row in before if "user 60" not in row]


def test_restore_of_an_archive_from_before_new_columns(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path
) -> None:
    drop(loginpipe, old_month, tmp_path)
    database.execute("ALTER TABLE user_logins ADD os text, ADD rank integer NOT NULL DEFAULT 7, DROP locale CASCADE")
    assert counts(restore(loginpipe, old_month, tmp_path)) == (230, 0, 0)
    assert database.query("SELECT DISTINCT os, rank FROM user_logins") == [(None, 7)]


# ---- who was forgotten ----------------------------------------------------------------------------------------------


def test_restore_leaves_forgotten_out(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path, salt: SaltParameter
) -> None:
    target = tmp_path / "archives"
    forget(loginpipe, "user 50")
    arrive_late(function, old_month, "user 50")
    drop(loginpipe, old_month, target)
    forget(loginpipe, "user 60", target)
    salt.rotate()
    forget(loginpipe, "new\nline", target)
    arrive_late(function, old_month, "user 60")
    drop(loginpipe, old_month, target)
    salt.delete()  # who was forgotten does not depend on it
    restored = restore(loginpipe, old_month, target)
    assert [(each["written"], each["forgotten"]) for each in restored["archives"]] == [(228, 2), (1, 0)]
    for user, logins in (("user 50", 1), ("user 60", 1), ("new\nline", 0)):
        assert database.query("SELECT count(*) FROM user_logins WHERE user_id = %s", user) == [(logins,)]


@pytest.mark.parametrize("minutes", [5, -5])
def test_operators_clock_decides_nothing(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path, minutes: int
) -> None:
    """Whatever the clock of the command line says: who was forgotten after the archive stays out."""
    shifted = (
        f"import datetime, time, sys; real = time.time; time.time = lambda: real() + {60 * minutes};\n"
        "class Shifted(datetime.datetime):\n"
        "    @classmethod\n"
        f"    def now(cls, tz=None): return super().now(tz) + datetime.timedelta(minutes={minutes})\n"
        "import ops.commands.archive as a; a.datetime = Shifted\n"
        "from ops.cli import main; sys.exit(main())"
    )
    target = tmp_path / "archives"
    process = loginpipe.start("archive", "--month", old_month, str(target), "--drop", "--yes", program=("-c", shifted))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    forget(loginpipe, "user 60", target)
    assert counts(restore(loginpipe, old_month, target)) == (229, 0, 1)


def test_erasure_under_way_while_an_archive_begins(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path
) -> None:
    """Its entry has its number already, and others that are newer are committed before it."""
    with closing(database.connect()) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("SELECT audit.lock_removals()")
        cursor.execute("DELETE FROM user_logins WHERE user_id = 'user 60'")
        process = loginpipe.start("archive", "--month", old_month, str(tmp_path))
        database.wait_for_waiting()
        other.commit()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert restore(loginpipe, old_month, tmp_path)["archives"][0]["logins"] == 229


# `loginpipe`, but it waits for a lock as long as the test takes.
PATIENT = (
    "-c",
    "import sys, ops.cli\nfrom lambda_src import blockers\nblockers.LOCK_SECONDS = 60\nsys.exit(ops.cli.main())",
)


def test_erasure_under_way_while_an_archive_is_restored(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path
) -> None:
    """It has looked for logins and found none, and its entry is not there yet."""
    drop(loginpipe, old_month, tmp_path)
    with closing(database.connect()) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("LOCK TABLE pseudonym_links IN SHARE MODE")  # holds the erasure up in the middle
        erasure = loginpipe.start("forget", "--user-id", "user 60", *REASON, "--yes", program=PATIENT)
        database.wait_for_waiting()
        restoring = loginpipe.start("archive", "--month", old_month, str(tmp_path), "--restore", program=PATIENT)
        database.wait_for_waiting(sessions=2)
        other.rollback()
    for process in (erasure, restoring):
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert database.query("SELECT count(*), count(*) FILTER (WHERE user_id = 'user 60') FROM user_logins") == [(229, 0)]


def test_archive_of_another_database(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    """As after a backup of the database came back: the numbers of audit entries begin again below the manifest's."""
    target = tmp_path / "archives"
    insert = "SELECT audit.append('restore', 'a', NULL, 'b', 'c')"
    for _ in range(9):
        database.execute(insert)
    drop(loginpipe, old_month, target)
    database.execute("ALTER TABLE audit.entries DISABLE TRIGGER append_only")
    database.execute("DELETE FROM audit.entries")
    forget(loginpipe, "user 60", target)
    for _ in range(9):
        database.execute(insert)
    assert counts(restore(loginpipe, old_month, target)) == (229, 0, 1)


# ---- how it is called -----------------------------------------------------------------------------------------------


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
