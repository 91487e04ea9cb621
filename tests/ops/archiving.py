"""Steps of the tests of archives."""

from pathlib import Path
from typing import Any

from lambda_src.staging import COLUMN_LIST as COLUMNS
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.months import months_ago
from tests.scratch import Scratch
from tests.support import make_record

REASON = ("--reason", "request 7")


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
    """Erase a person. `archives` are out of reach meanwhile, like those on another machine or in a backup."""
    away = None if archives is None else archives.rename(archives.with_name("away"))
    assert loginpipe("forget", "--user-id", user, *REASON, "--yes").code in (0, 4)  # 4: the person is in archives only
    if away is not None and archives is not None:
        away.rename(archives)
