"""`salt link`: counts go on after a rotation."""

from typing import Any

from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.vault import DEVICE, pseudonym
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record


def counts(database: Scratch) -> list[tuple[Any, ...]]:
    return database.query(
        "SELECT masked_device_id, count(DISTINCT user_id), count(*) FROM linked_logins GROUP BY 1 ORDER BY 2, 3"
    )


def test_link_keeps_counts_over_two_rotations(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch, salt: SaltParameter
) -> None:
    for version in (1, 2, 3):
        if version > 1:
            salt.rotate()
            sealing_function.restart()
        for user in ("a", "b"):
            assert sealing_function(make_record(user_id=f"{user}{version}", device_id=DEVICE)) == []
        if version == 1:
            assert sealing_function(make_record(user_id="only once", device_id="rare")) == []
    assert [row[1:] for row in counts(database)] == [(1, 1), (2, 2), (2, 2), (2, 2)]
    finished = loginpipe("--json", "salt", "link", "1", "2", "--reason", "rotation", "--yes")
    assert finished.data == {"originals": 3, "linked": 3}
    assert [row[1:] for row in counts(database)] == [(1, 1), (2, 2), (4, 4)]
    # What was linked to version 2 is linked on to version 3, even if version 2 has no login of it.
    assert loginpipe("--json", "salt", "link", "2", "3", "--reason", "rotation", "--yes").data["originals"] == 5
    assert [row[1:] for row in counts(database)] == [(1, 1), (6, 6)]
    assert {row[0] for row in counts(database)} == {
        pseudonym(salt, "device_id", DEVICE), pseudonym(salt, "device_id", "rare"),
    }  # fmt: skip
    assert loginpipe("--json", "salt", "link", "2", "3", "--reason", "again", "--yes").data["linked"] == 0
    # The analysts' views agree, for logins that were counted before and for new logins.
    for is_counted in (True, False):
        assert loginpipe("upkeep").code == 0
        if is_counted:
            database.execute("UPDATE sharing_counted SET through = clock_timestamp()")
        assert database.query("SELECT users, logins FROM shared_devices") == [(6, 6)]
    database.execute("UPDATE sharing_counted SET through = clock_timestamp()")
    assert sealing_function(make_record(user_id="seventh", device_id=DEVICE)) == []
    assert database.query("SELECT users, logins FROM shared_devices") == [(7, 7)]
    assert [row[1:] for row in database.query("SELECT id, action, salt_version, subject FROM audit.entries")] == [
        ("link", 1, "2"), ("link", 2, "3"), ("link", 2, "3"),
    ]  # fmt: skip


def test_link_refuses(loginpipe: CommandLine, database: Scratch, sealed: str, salt: SaltParameter) -> None:
    assert loginpipe("salt", "link", "1", "2", "--reason", "r", "--yes").code == 4, "there is no version 2"
    salt.rotate()
    assert loginpipe("salt", "link", "2", "1", "--reason", "r", "--yes").code == 2
    assert loginpipe("salt", "link", "1", "2", "--reason", "r", answer="n\n").code == 1
    assert (database.count("pseudonym_links"), database.count("audit.entries")) == (0, 0)
