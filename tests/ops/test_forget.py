"""`forget`: nothing of a person stays, and nothing of anybody else goes."""

import hashlib
import hmac
from pathlib import Path
from typing import Any

from tests.function import Function
from tests.ops.command_line import CommandLine, Finished
from tests.ops.months import months_ago
from tests.ops.queues import Queues
from tests.ops.vault import DEVICE, IP, originals, pseudonym
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import NOON_DATE, make_record


def erased(finished: Finished) -> Any:
    return {name: finished.data[name] for name in ("logins", "originals", "links", "dry_run")}


def test_forget(loginpipe: CommandLine, sealing_function: Function, database: Scratch, salt: SaltParameter) -> None:
    shared, own = "10.0.0.1", "10.0.0.2"
    logins = [
        ("gone", shared, "phone"), ("gone", own, "laptop"), ("stays", shared, "tablet"), ("stays", "10.0.0.3", "ours"),
        ("gone", "10.0.0.4", "ours"),
    ]  # fmt: skip
    assert sealing_function(*(make_record(user_id=u, ip=i, device_id=d) for u, i, d in logins)) == []
    words = ("forget", "--user-id", "gone", "--reason", "request 7")
    expected = {"logins": 3, "originals": 4, "links": 0}
    assert erased(loginpipe("--json", *words, "--dry-run")) == expected | {"dry_run": True}
    assert (database.count(), database.count("vault.originals"), database.count("audit.entries")) == (5, 8, 0)
    assert loginpipe(*words, answer="n\n").code == 1
    assert database.count() == 5
    assert erased(loginpipe("--json", *words, "--yes")) == expected | {"dry_run": False}
    assert database.rows() == [("stays",), ("stays",)]
    shared_by_others = [("ip", shared), ("device_id", "tablet"), ("ip", "10.0.0.3"), ("device_id", "ours")]
    assert originals(database) == sorted((pseudonym(salt, field, value),) for field, value in shared_by_others)
    ((subject, counted, reason),) = database.query("SELECT subject, counts, reason FROM audit.entries")
    assert (counted, reason) == (expected, "request 7")
    ((inner, outer),) = database.query("SELECT inner_pad, outer_pad FROM audit.person_key")
    key = bytes(byte ^ 0x36 for byte in bytes(inner)[:32])
    assert bytes(outer) == bytes(byte ^ 0x5C for byte in key.ljust(64, b"\0")), "both pads are of one key"
    assert subject == hmac.new(key, b"gone", hashlib.sha256).hexdigest()


def test_nothing_sealed_stays_of_a_month_that_was_archived_and_dropped(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch, tmp_path: Path
) -> None:
    """An erasure finds a person's pseudonyms in the logins. After the drop it could not find them in the vault."""
    month, sent = months_ago(3)
    assert sealing_function(make_record(user_id="one", ip=IP, device_id=DEVICE, sent=sent)) == []
    assert len(originals(database)) == 2
    assert sealing_function(make_record(user_id="two", device_id="waits in the inbox", sent=sent)) == []
    assert sealing_function(make_record(user_id="three", ip=IP, device_id="another")) == []
    assert loginpipe("archive", "--month", month, str(tmp_path), "--drop", "--yes").code == 0
    ((masked_ip, masked_device),) = database.rows("masked_ip, masked_device_id")
    assert originals(database) == sorted([(masked_ip,), (masked_device,)])
    assert database.count("vault.inbox") == 0


def test_forget_removes_what_a_killed_archive_left_sealed(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch
) -> None:
    """A kill came after the drop of the month and before the removal of its originals."""
    month, sent = months_ago(3)
    assert sealing_function(make_record(user_id="gone", ip=IP, device_id=DEVICE, sent=sent)) == []
    assert len(originals(database)) == 2
    ((checksum,),) = database.query("SELECT line_checksum(login_line(l)) FROM user_logins l")
    drop = "SELECT drop_archived_logins(%s, 1, %s, 'archive', 'target', 'who', 'request', 'why')"
    database.execute(drop, f"{month}-01", checksum)
    assert (database.count(), database.count("vault.originals"), database.count("vault.orphaned")) == (0, 2, 1)
    loginpipe("forget", "--user-id", "gone", "--reason", "r", "--yes")
    assert [database.count(f"vault.{table}") for table in ("originals", "data_keys", "orphaned")] == [0, 0, 0]


def test_forget_counts_anew_whoever_was_archived(
    loginpipe: CommandLine, function: Function, database: Scratch, tmp_path: Path
) -> None:
    """The counts from before the drop contain the person's pseudonyms."""
    month, sent = months_ago(3)
    assert function(*(make_record(user_id="gone", sent=sent) for _ in range(2))) == []
    assert loginpipe("upkeep").code == 0
    assert (database.count("counted_ips"), database.count("counted_devices")) == (1, 1)
    assert loginpipe("archive", "--month", month, str(tmp_path), "--drop", "--yes").code == 0
    loginpipe("forget", "--user-id", "gone", "--reason", "r", "--yes")
    assert (database.count("counted_ips"), database.count("counted_devices")) == (0, 0)


def test_forget_names_what_it_does_not_reach(
    loginpipe: CommandLine, function: Function, queues: Queues, tmp_path: Path
) -> None:
    queues.put("{}")
    queues.put("{}", dead=True)
    queues.put("{}", dead=True)
    assert function(make_record(user_id="gone")) == []
    target = tmp_path / "archives"
    kept = loginpipe("--json", "archive", "--month", NOON_DATE[:7], str(target)).data
    target.rename(tmp_path / "away")
    words = ("forget", "--user-id", "gone", "--reason", "r", "--yes")
    data = loginpipe("--json", *words).data
    assert [(each["url"], each["messages"]) for each in data["queues"]] == [
        (queues.url, 1), (queues.dead_letter_url, 2),
    ]  # fmt: skip
    assert [(each["archive"], each["target"], each["dropped"]) for each in data["archives"]] == [
        (kept["archive"], str(target), False),
    ]  # fmt: skip
    out = loginpipe(*words).out
    assert all(text in out for text in (queues.url, queues.dead_letter_url, str(target), kept["archive"]))


def test_forget_without_queues(loginpipe: CommandLine, function: Function, database: Scratch) -> None:
    """An erasure works without SQS."""
    assert function(make_record(user_id="gone")) == []
    words = ("forget", "--user-id", "gone", "--reason", "r", "--yes")
    finished = loginpipe("--json", *words, QUEUE_URL="", DLQ_URL="http://127.0.0.1:9/gone")
    assert (finished.code, database.count()) == (0, 0)
    assert [each["messages"] for each in finished.data["queues"]] == [None, None]


def test_forget_links(
    loginpipe: CommandLine, sealing_function: Function, database: Scratch, salt: SaltParameter
) -> None:
    """Originals and links under the other salt go too, unless another person has them."""
    assert sealing_function(make_record(user_id="gone", ip="10.0.0.1", device_id="own")) == []
    assert sealing_function(make_record(user_id="stays", ip="10.0.0.1", device_id="other")) == []
    salt.rotate()
    sealing_function.restart()
    assert sealing_function(make_record(user_id="gone", ip="10.0.0.1", device_id="own")) == []
    assert loginpipe("salt", "link", "1", "2", "--reason", "r", "--yes").code == 0
    assert database.count("pseudonym_links") == 3
    assert erased(loginpipe("--json", "forget", "--user-id", "gone", "--reason", "r", "--yes")) == {
        "logins": 2, "originals": 3, "links": 1, "dry_run": False,
    }  # fmt: skip
    held = {row[0] for row in originals(database)}
    named = "SELECT masked_ip FROM user_logins UNION SELECT masked_device_id FROM user_logins"
    assert held == {row[0] for row in database.query(named)}
    assert {row[0] for row in database.query("SELECT old FROM pseudonym_links")} <= held


def test_forgotten_can_come_back(loginpipe: CommandLine, sealing_function: Function, database: Scratch) -> None:
    """A login after the erasure is sealed again, because nothing remembers the earlier one."""
    assert sealing_function(make_record(user_id="gone", ip=IP)) == []
    assert loginpipe("forget", "--user-id", "gone", "--reason", "r", "--yes").code == 0
    assert originals(database) == []
    assert sealing_function(make_record(user_id="gone", ip=IP)) == []
    assert len(originals(database)) == 2


def test_forgotten_while_the_batch_waits(loginpipe: CommandLine, sealing_function: Function, database: Scratch) -> None:
    """A sealed original goes too if its login is gone before the unfolding."""
    assert sealing_function(make_record(user_id="gone", ip=IP), make_record(ip="10.0.0.9", device_id="kept")) == []
    database.execute("DELETE FROM user_logins WHERE user_id = 'gone'")  # like an erasure before the unfolding
    named = "SELECT masked_ip FROM user_logins UNION SELECT masked_device_id FROM user_logins"
    assert originals(database) == sorted(database.query(named))


def test_forget_nobody(loginpipe: CommandLine) -> None:
    finished = loginpipe("--json", "forget", "--user-id", "nobody", "--reason", "r", "--dry-run")
    assert (finished.code, finished.data["logins"]) == (4, 0)
