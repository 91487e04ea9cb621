"""No restore brings back an erased person."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.function import Function
from tests.ops.archiving import REASON, arrive_late, counts, drop, forget, restore
from tests.ops.command_line import CommandLine
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch


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
    salt.delete()  # the list of erased people does not need it
    restored = restore(loginpipe, old_month, target)
    assert [(each["written"], each["forgotten"]) for each in restored["archives"]] == [(228, 2), (1, 0)]
    for user, logins in (("user 50", 1), ("user 60", 1), ("new\nline", 0)):
        assert database.query("SELECT count(*) FROM user_logins WHERE user_id = %s", user) == [(logins,)]


@pytest.mark.parametrize("minutes", [5, -5])
def test_operators_clock_decides_nothing(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path, minutes: int
) -> None:
    """Who was erased after the archive stays out, even if the clock of the command line is wrong."""
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
    """The entry of the erasure already has its number. Newer entries commit before it."""
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


# `loginpipe` that waits for a lock as long as the test runs.
PATIENT = (
    "-c",
    "import sys, ops.cli\nfrom lambda_src import blockers\nblockers.LOCK_SECONDS = 60\nsys.exit(ops.cli.main())",
)


def test_erasure_under_way_while_an_archive_is_restored(
    loginpipe: CommandLine, database: Scratch, old_month: str, tmp_path: Path
) -> None:
    """The erasure has looked for logins and found none. Its entry is not in the table yet."""
    drop(loginpipe, old_month, tmp_path)
    with closing(database.connect()) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("LOCK TABLE pseudonym_links IN SHARE MODE")  # stops the erasure in the middle
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
    """After a restore from a backup, the numbers of audit entries may start below the manifest's again."""
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
