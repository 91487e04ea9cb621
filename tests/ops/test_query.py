"""`query`: each login once, whatever the months lie in; nothing else is read, and nothing is written."""

import csv
import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.lake_reader import data_files
from tests.ops.months import months_ago
from tests.scratch import Scratch
from tests.support import make_record

EVENTS = "select event_id from user_logins order by event_id"
COLD_ONLY = {"PGHOST": ""}


@pytest.fixture
def months(function: Function) -> list[str]:
    """Three months with three logins each, the current one among them."""
    names = []
    for ago in (0, 2, 3):
        name, sent = months_ago(ago)
        names.append(name)
        assert function(*(make_record(user_id=f"user {n}", sent=sent, ip=f"10.0.0.{n}") for n in range(3))) == []
    return names


@pytest.fixture
def lake(loginpipe: CommandLine, months: list[str], tmp_path: Path) -> Path:
    """The two older months, archived and dropped."""
    target = tmp_path / "lake's"
    for month in months[1:]:
        assert loginpipe("archive", "--month", month, str(target), "--drop", "--yes").code == 0
    return target


def ask(
    loginpipe: CommandLine, sql: str, lake: Path | None, *, code: int = 0, environment: dict[str, str] | None = None
) -> Any:
    words = ("--archives", str(lake)) if lake else ()
    finished = loginpipe("--json", "query", sql, *words, **environment or {})
    assert finished.code == code, finished.err
    return finished.data if code == 0 else json.loads(finished.err.splitlines()[-1])["error"]


def test_hot_and_cold_months(loginpipe: CommandLine, database: Scratch, months: list[str], lake: Path) -> None:
    sql = "select strftime(create_date, '%Y-%m') as month, count(*) as logins, count(distinct masked_ip) as ips "
    rows = ask(loginpipe, f"{sql} from user_logins group by 1 order by 1 desc", lake)
    assert rows == [{"month": month, "logins": 3, "ips": 3} for month in months]
    assert len(ask(loginpipe, "select * from user_logins", lake, environment=COLD_ONLY)) == 6
    assert len(ask(loginpipe, "select * from user_logins", None)) == 3
    assert ask(loginpipe, "select logins from hot.daily_logins", None) == [{"logins": 3}]
    ((columns,),) = database.query(
        "SELECT array_agg(attname ORDER BY attname) FROM pg_attribute "
        "WHERE attrelid = 'user_logins'::regclass AND attnum > 0"
    )
    assert sorted(ask(loginpipe, "select * from user_logins limit 1", lake)[0]) == columns


def test_each_login_once(
    loginpipe: CommandLine, database: Scratch, function: Function, months: list[str], lake: Path
) -> None:
    """A month that was restored, one that was archived twice, and a login that came late."""
    assert loginpipe("archive", "--month", months[1], str(lake), "--restore").code == 0
    assert loginpipe("archive", "--month", months[1], str(lake)).code == 0
    assert function(make_record(user_id="late", sent=months_ago(3)[1])) == []
    rows = ask(loginpipe, EVENTS, lake)
    assert len(rows) == len({row["event_id"] for row in rows}) == 10
    assert ask(loginpipe, "select count(*) as n from user_logins", lake, environment=COLD_ONLY) == [{"n": 6}]


def test_column_that_is_newer_than_an_archive(loginpipe: CommandLine, database: Scratch, lake: Path) -> None:
    database.execute("ALTER TABLE user_logins ADD rank integer NOT NULL DEFAULT 7")
    rows = ask(loginpipe, "select rank, count(*) as n from user_logins group by 1 order by 1", lake)
    assert rows == [{"rank": 7, "n": 3}, {"rank": None, "n": 6}]


# ---- nothing else is read or written --------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", [
    "copy (select 1) to '{file}'", "insert into user_logins select * from user_logins", "create table t (a int)",
    "attach '{file}' as other", "set lock_configuration = false", "select 1; select 2", "install httpfs", "",
    "select * from read_csv('{file}')", "from read_text('{file}')", "select * from glob('/*')",
    "select * from postgres_query('hot', 'select 1')", "select * from query('select 1')",
    "select * from postgres_scan('host=127.0.0.1', 'audit', 'entries')", "call postgres_attach('host=127.0.0.1')",
    "select (select count(*) from read_blob('{file}'))", "with a as (from sniff_csv('{file}')) select 1 from a",
    "select 1 where 1 in (select 1 union all select 2 from postgres_execute('hot', 'select 1'))",
    "select * from '{file}'", "select * from hot.audit.entries", "pragma database_list", "vacuum", "load '{file}'",
    "select * from sql", "call enable_logging(storage = 'file', storage_path = '{file}')",
])  # fmt: skip
def test_refused_query(loginpipe: CommandLine, tmp_path: Path, sql: str) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("hidden\nhidden\n")
    error = ask(loginpipe, sql.format(file=file), None, code=2)
    assert "hidden" not in error
    assert file.read_text() == "hidden\nhidden\n"


def test_postgres_is_attached_as_analyst_and_read_only(loginpipe: CommandLine, months: list[str]) -> None:
    """Whoever logs in: here a superuser."""
    asked = ask(
        loginpipe, "select current_setting('lock_configuration') as locked, count(*) as n from user_logins", None
    )
    assert asked == [{"locked": True, "n": 9}]
    error = ask(loginpipe, "select * from hot.vault.originals", None, code=2)
    assert "vault" in error
    for name in ("rejected_logins", "user_logins"):
        ask(loginpipe, f"select count(*) from hot.{name}", None)
    ask(loginpipe, "select * from hot.salt_versions", None, code=1)  # which an analyst may not read


def test_no_password_in_anything_that_a_query_sees(
    loginpipe: CommandLine, operators: Any, database: Scratch, months: list[str]
) -> None:
    password = database.passwords["analyst"]
    analyst = {"PGUSER": "analyst", "PGPASSWORD": password}
    assert ask(loginpipe, "select count(*) as n from user_logins", None, environment=analyst) == [{"n": 9}]
    for function in ("duckdb_databases", "duckdb_secrets", "duckdb_settings"):
        assert "not allowed" in ask(loginpipe, f"select * from {function}()", None, code=2, environment=analyst)
    wrong = {"PGUSER": "analyst", "PGPASSWORD": "wrong-password", "PGPORT": "1"}
    error = ask(loginpipe, "select 1", None, code=1, environment=wrong)
    assert "wrong-password" not in error
    assert "analyst" in error


def test_errors_hold_no_value_of_a_row(loginpipe: CommandLine, lake: Path) -> None:
    for sql in ("select user_id::int from user_logins", "select error(user_id) from user_logins"):
        error = ask(loginpipe, sql, lake, code=1)
        assert "user 1" not in error
        assert "DuckDB" in error
    assert "masked_ip" in ask(loginpipe, "select masked_ipp from user_logins", lake, code=2)
    assert "selec" in ask(loginpipe, "selec 1", lake, code=2)


# ---- what it prints -------------------------------------------------------------------------------------------------


def test_csv_and_parquet_and_table(loginpipe: CommandLine, lake: Path, tmp_path: Path) -> None:
    sql = "select create_date, user_id, locale from user_logins order by all -- the end"
    words = ("query", sql, "--archives", str(lake))
    rows = list(csv.reader(io.StringIO(loginpipe(*words, "--csv").out)))
    assert rows[0] == ["create_date", "user_id", "locale"]
    assert len(rows) == 10
    file = tmp_path / "it's.parquet"
    assert "9 rows" in loginpipe(*words, "--parquet", str(file)).out
    table = pyarrow.parquet.read_table(file)
    assert [[str(row["create_date"]), row["user_id"], row["locale"]] for row in table.to_pylist()] == rows[1:]
    assert file.stat().st_mode & 0o077 == 0
    assert "user 2" in loginpipe(*words).out
    assert ask(loginpipe, "select 1 as a where false", lake) == []
    assert ask(loginpipe, "select 'nan'::double as a, 1.5::decimal(3, 1) as b", lake) == [{"a": None, "b": "1.5"}]


def test_query_that_is_called_wrongly(loginpipe: CommandLine, lake: Path, tmp_path: Path) -> None:
    assert loginpipe("--json", "query", "select 1", "--csv").code == 2
    assert loginpipe("query", "select 1", "--csv", "--parquet", "x").code == 2
    assert loginpipe("query", "select 1", **COLD_ONLY).code == 2
    assert loginpipe("query", "select 1", "--archives", str(tmp_path / "none"), **COLD_ONLY).code == 2
    assert "same name" in ask(loginpipe, "select 1 as a, 2 as a", lake, code=2)
    assert loginpipe("query", "select 1", "--parquet", str(tmp_path / "no" / "file")).code == 1


def test_query_without_duckdb(loginpipe: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    finished = loginpipe("query", "select 1")
    assert finished.code == 2
    assert finished.err.strip() == (
        "loginpipe: This needs DuckDB. Install it with: pip install 'login-masking-pipeline[lake]'"
    )


# ---- files that are not as they should be ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["missing", "half"])
def test_damaged_file(loginpipe: CommandLine, lake: Path, how: str) -> None:
    file = data_files(lake)[0]
    data = file.read_bytes()
    file.unlink()
    if how == "half":
        file.write_bytes(data[: len(data) // 2])
    error = ask(loginpipe, "select count(distinct user_id) from user_logins", lake, code=1)
    assert how == "half" or file.name in error


def test_file_that_no_manifest_names_is_not_read(loginpipe: CommandLine, lake: Path) -> None:
    file = data_files(lake)[0]
    shutil.copy(file, file.with_name("other.id.parquet"))
    assert len(ask(loginpipe, EVENTS, lake, environment=COLD_ONLY)) == 6


# ---- report ---------------------------------------------------------------------------------------------------------


def test_report_with_archived_months(
    loginpipe: CommandLine, function: Function, database: Scratch, months: list[str], tmp_path: Path
) -> None:
    """It says what it said before the months were archived; with a login that came late, and a link across salts."""
    database.execute(
        "INSERT INTO pseudonym_links (old, new, old_version, new_version) "
        "SELECT masked_ip, 'new', 1, 2 FROM user_logins WHERE user_id IN ('user 0', 'user 1') GROUP BY 1"
    )
    before = loginpipe("--json", "report", "--days", "365").data
    assert before["shared_ips"]["top"][0]["users"] == 2
    for month in months[1:]:
        assert loginpipe("archive", "--month", month, str(tmp_path), "--drop", "--yes").code == 0
    assert loginpipe("archive", "--month", months[1], str(tmp_path), "--restore").code == 0
    words = ("report", "--days", "365", "--archives", str(tmp_path))
    assert loginpipe("--json", *words).data == before
    assert months[2] in loginpipe(*words).out
    assert function(make_record(user_id="late", sent=months_ago(3)[1])) == []
    late = loginpipe("--json", *words).data["days"][0]
    assert (late["day"][:7], late["logins"], late["users"]) == (months[2], 4, 4)
