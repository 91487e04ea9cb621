"""What an archive contains, and archives of earlier formats."""

import hashlib
import json
from pathlib import Path

import pyarrow.parquet

from tests.function import Function
from tests.ops.archiving import arrive_late, counts, drop, everything, forget, restore
from tests.ops.command_line import CommandLine
from tests.ops.earlier_archives import write_first_format, write_second_format
from tests.ops.lake_reader import data_files, newest_manifests, read_rows
from tests.scratch import Scratch


def test_archive_read_by_another_engine(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    """The folders contain the table: the same columns, and each login in the folder of its day."""
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
    """The manifest is enough to check an archive without code of this project."""
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
    """This format does not record earlier erasures. So everybody who was ever erased stays out."""
    forget(loginpipe, "user 50")
    write_first_format(database, old_month, tmp_path)
    database.execute("DELETE FROM user_logins")
    forget(loginpipe, "user 60")
    assert counts(restore(loginpipe, old_month, tmp_path)) == (228, 0, 1)


def test_restore_of_the_second_format(
    loginpipe: CommandLine, database: Scratch, function: Function, old_month: str, tmp_path: Path
) -> None:
    """It lies beside an archive of today's format."""
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
