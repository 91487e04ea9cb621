"""`retention` and `archive`: months leave whole, nothing is dropped that is not safe elsewhere."""

import random
import time
from typing import Any

import psycopg2
import pytest

from lambda_src.staging import COLUMN_LIST as COLUMNS
from ops import archive
from tests.conftest import Function, SaltParameter, Scratch
from tests.ops.conftest import CommandLine
from tests.support import NOON, make_record

BUSY = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


def months_ago(count: int) -> tuple[str, int]:
    """A month before this one, and its middle in milliseconds."""
    year, month = time.gmtime()[:2]
    year, month = divmod(year * 12 + month - 1 - count, 12)
    return f"{year}-{month + 1:02}", int((time.mktime((year, month + 1, 15, 12, 0, 0, 0, 0, 0)) - time.timezone) * 1000)


def partitions(database: Scratch) -> set[str]:
    return {name for (name,) in database.query("SELECT partition::text FROM login_months()")}


@pytest.fixture(params=["by month", "by day"])
def partitioned(request: pytest.FixtureRequest, database: Scratch) -> None:
    """Months that are one table each, and months that have a table a day."""
    if request.param == "by day":
        database.execute("SELECT split_login_months()")


@pytest.mark.usefixtures("partitioned")
def test_retention(loginpipe: CommandLine, sealing_function: Function, database: Scratch) -> None:
    for ago in (0, 2, 3, 4):
        name, sent = months_ago(ago)
        database.execute("SELECT create_login_partitions(%s::date, 1)", f"{name}-01")
        assert sealing_function(make_record(user_id=name, sent=sent, device_id=name)) == []
    assert sealing_function(make_record(user_id="ancient", sent=NOON, device_id="ancient")) == []
    database.execute(f"DROP TABLE user_logins_{months_ago(-12)[0].replace('-', '_')}")
    old = [months_ago(4)[0], months_ago(3)[0]]
    finished = loginpipe("--json", "retention", "--months", "2", "--dry-run")
    assert [(row["month"], row["logins"]) for row in finished.data["dropped"]] == [
        *((name, 1) for name in old),
        (None, 1),
    ]
    assert database.count() == 5
    assert loginpipe("retention", "--months", "2", answer="n\n").code == 1
    assert database.count() == 5
    data = loginpipe("--json", "retention", "--months", "2", "--yes").data
    assert (data["made"], data["originals"]) == (1, 3)
    assert database.rows() == sorted([(months_ago(0)[0],), (months_ago(2)[0],)])
    assert database.count("vault.originals") == 3
    assert database.count("vault.data_keys") == 2
    assert not partitions(database) & {f"user_logins_{name.replace('-', '_')}" for name in old}
    ((action, counted),) = database.query("SELECT action, counts FROM audit.entries")
    assert (action, counted) == ("retention", {"logins": 3, "partitions": 2})
    assert loginpipe("--json", "retention", "--months", "2", "--yes").data["dropped"] == []


def test_retention_never_takes_this_month(loginpipe: CommandLine, operators: dict[str, Any]) -> None:
    assert loginpipe("retention", "--months", "0", "--yes").code == 2
    with operators["operator"].cursor() as cursor, pytest.raises(psycopg2.errors.RaiseException):
        cursor.execute("SELECT * FROM drop_old_logins(current_date + 40, false, 'a', 'b', 'c')")


@pytest.fixture
def old_month(function: Function, database: Scratch) -> str:
    """A month that is over, with 230 logins, odd texts among them."""
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


@pytest.mark.usefixtures("partitioned")
def test_archive_and_restore(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.archive.PAGE", 50)
    monkeypatch.setattr("ops.archive.PAGES_A_FILE", 2)
    before = everything(database)
    words = ("archive", "--month", old_month, str(tmp_path / "a"))
    assert loginpipe("--json", *words).data["logins"] == 230
    assert database.count() == 230
    folder = tmp_path / "a" / old_month
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"logins-0000{n}.jsonl.gz" for n in range(3)),
        "manifest.json",
    ]
    assert loginpipe(*words, "--drop", answer="n\n").code == 1
    assert database.count() == 230
    assert loginpipe("--json", *words, "--drop", "--yes").data["dropped"] is True
    assert database.count() == 0
    assert f"user_logins_{old_month.replace('-', '_')}" not in partitions(database)
    assert loginpipe("--json", *words, "--restore").data == {"written": 230, "there_already": 0, "forgotten": 0}
    assert everything(database) == before
    assert loginpipe("--json", *words, "--restore").data == {"written": 0, "there_already": 230, "forgotten": 0}
    assert [row[0] for row in database.query("SELECT action FROM audit.entries ORDER BY id")] == [
        "archive", "restore", "restore",
    ]  # fmt: skip


def test_archive_refuses_a_month_that_changed(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login that arrives between reading and dropping keeps the month."""
    read_back = archive.read_archive

    def read_while_others_write(*arguments: Any) -> Any:
        database.execute("UPDATE user_logins SET locale = 'XX' WHERE user_id = 'user 99'")
        return read_back(*arguments)

    monkeypatch.setattr(archive, "read_archive", read_while_others_write)
    finished = loginpipe("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
    assert (finished.code, "archive it again" in finished.err) == (1, True)
    assert database.count() == 230


def test_archive_damaged(loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Any) -> None:
    words = ("archive", "--month", old_month, str(tmp_path))
    assert loginpipe(*words, "--drop", "--yes").code == 0
    file = tmp_path / old_month / "logins-00000.jsonl.gz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    finished = loginpipe(*words, "--restore")
    assert (finished.code, "SHA-256" in finished.err) == (1, True)
    assert database.count() == 0


def test_restore_leaves_forgotten_out(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Any, salt: SaltParameter
) -> None:
    words = ("archive", "--month", old_month, str(tmp_path))
    assert loginpipe("forget", "--user-id", "user 50", "--reason", "r", "--yes").code == 0
    assert loginpipe(*words, "--drop", "--yes").code == 0
    assert loginpipe("forget", "--user-id", "user 60", "--reason", "r", "--yes").code == 0
    salt.rotate()
    assert loginpipe("forget", "--user-id", "new\nline", "--reason", "r", "--yes").code == 0
    assert loginpipe("--json", *words, "--restore").data == {"written": 227, "there_already": 0, "forgotten": 2}
    assert ("user 60",) not in database.rows()


def test_archive_of_this_month_is_not_dropped(loginpipe: CommandLine, tmp_path: Any) -> None:
    assert loginpipe("archive", "--month", months_ago(0)[0], str(tmp_path), "--drop", "--yes").code == 2
    assert loginpipe("archive", "--month", "2026-13", str(tmp_path)).code == 2


def test_restore_nothing(loginpipe: CommandLine, tmp_path: Any) -> None:
    assert loginpipe("archive", "--month", "2026-01", str(tmp_path), "--restore").code == 4


def test_archive_killed(loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Any) -> None:
    """Whatever the moment of a kill: the month is in the database, or whole in the archive."""
    chance = random.Random(7)  # noqa: S311  moments to kill at
    before = everything(database)
    killed = 0
    for _ in range(8):
        process = loginpipe.start("archive", "--month", old_month, str(tmp_path), "--drop", "--yes")
        time.sleep(chance.uniform(0.5, 1.6))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
        while database.query(BUSY):  # Postgres finishes what it was told before the kill
            time.sleep(0.02)
        if database.count() == 0:
            assert loginpipe("archive", "--month", old_month, str(tmp_path), "--restore").code == 0
        assert everything(database) == before
    assert killed
