"""`mask` and `lookup` confirm guesses: each leaves an entry, and an hour has only so many, whoever asks."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from ops.errors import OpsError
from ops.operations.registry import run
from ops.operations.site import Site
from ops.times import format_time
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record

IP = "199.172.111.135"  # of make_record
WHY = ("--reason", "case 7")
MASK = ("mask", "ip", "10.1.1.1", *WHY)
LOOKUP = ("lookup", "--ip", IP, *WHY)
USED_UP = "all callers together may ask for no more. The next one is allowed at "
NOTE_VALUE = "SELECT entry FROM audit.note_value('mask', %s, NULL, 'why', 'ip')"


def allow(database: Scratch, per_hour: int) -> None:
    database.execute("UPDATE audit.value_limit SET per_hour = %s", per_hour)


def entries(database: Scratch) -> list[tuple[Any, ...]]:
    return database.query("SELECT action, reason, subject, counts FROM audit.entries ORDER BY id")


def make_older(database: Scratch, by: timedelta) -> None:
    """As if the entries had been written earlier."""
    database.execute("ALTER TABLE audit.entries DISABLE TRIGGER append_only")
    database.execute("UPDATE audit.entries SET at = at - %s", by)


@pytest.fixture
def site_of(loginpipe: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Site]]:
    """The surroundings of a call in the name of somebody."""
    for name, value in loginpipe.environment.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        yield lambda actor: stack.enter_context(closing(Site(lambda: actor, None)))


def test_answers_have_entries_without_the_values(loginpipe: CommandLine, database: Scratch, function: Function) -> None:
    assert function(make_record()) == []
    found = loginpipe("--json", *LOOKUP).data
    assert loginpipe("mask", "device-id", "593-47-5928", *WHY).code == 0
    assert entries(database) == [
        ("lookup", "case 7", "ip", {"values": 1}),
        ("mask", "case 7", "device_id", {"values": 1}),
    ]
    everything = str(database.query("SELECT e::text FROM audit.entries e"))
    assert not [text for text in (IP, "593-47-5928", found["pseudonyms"][0]["pseudonym"]) if text in everything]


def test_sixty_values_an_hour_are_the_default(database: Scratch) -> None:
    assert database.query("SELECT per_hour FROM audit.value_limit") == [(60,)]


def test_value_beyond_the_limit_is_refused(loginpipe: CommandLine, database: Scratch) -> None:
    allow(database, 2)
    assert (loginpipe(*MASK).code, loginpipe(*LOOKUP).code) == (0, 4)
    ((first,),) = database.query("SELECT min(at) FROM audit.entries")
    for words in (MASK, LOOKUP):
        finished = loginpipe(*words)
        assert (finished.code, finished.out) == (1, "")
        assert USED_UP + format_time(first + timedelta(hours=1, seconds=1)) in finished.err.replace("\n", " ")
    assert len(entries(database)) == 2


@pytest.mark.parametrize("ago", [59, 61])
def test_value_is_free_again_after_an_hour(loginpipe: CommandLine, database: Scratch, ago: int) -> None:
    allow(database, 1)
    assert loginpipe(*MASK).code == 0
    make_older(database, timedelta(minutes=ago))
    finished = loginpipe(*MASK)
    assert finished.code == (1 if ago < 60 else 0)
    if ago < 60:
        # The time that it names is the time from which on it works.
        left = datetime.fromisoformat(finished.err.split("allowed at ")[1].strip(" .\n")) - datetime.now(UTC)
        assert timedelta(seconds=50) < left < timedelta(seconds=62)
        make_older(database, left)
        assert loginpipe(*MASK).code == 0


def test_oldest_values_come_free_one_by_one(loginpipe: CommandLine, database: Scratch) -> None:
    allow(database, 2)
    assert loginpipe(*MASK).code == 0
    make_older(database, timedelta(minutes=30))
    assert loginpipe(*MASK).code == 0
    make_older(database, timedelta(minutes=31))
    assert [loginpipe(*MASK).code for _ in range(2)] == [0, 1]


def test_another_name_gives_no_more_values(site_of: Callable[[str], Site], database: Scratch) -> None:
    """The name is what the caller says: whoever gives another one has used up the same hour."""
    allow(database, 3)
    arguments = {"field": "ip", "value": IP, "reason": "why"}
    for name in ("anna", "bert", "carl"):
        assert run("mask", arguments, site_of(name))["salt_version"] == 1
    with pytest.raises(OpsError, match="may ask for no more"):
        run("mask", arguments, site_of("dora"))
    assert database.query("SELECT actor FROM audit.entries ORDER BY id") == [("anna",), ("bert",), ("carl",)]


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_callers_at_once_share_the_limit(operators: dict[str, Any], database: Scratch, isolation: str) -> None:
    allow(database, 5)
    start = threading.Barrier(10)

    def ask(number: int) -> bool:
        with closing(database.connect("masker")) as connection, connection.cursor() as cursor:
            cursor.execute(f"SET default_transaction_isolation = '{isolation}'")
            start.wait()
            try:
                cursor.execute(NOTE_VALUE, (f"caller {number}",))
            except (psycopg2.errors.UniqueViolation, psycopg2.errors.SerializationFailure):
                return False  # it has seen an older state of the table: nothing was written
            return cursor.fetchone() != (None,)

    with ThreadPoolExecutor(10) as pool:
        answered = sum(pool.map(ask, range(10)))
    assert answered == len(entries(database))
    assert answered == 5 or (answered < 5 and isolation != "read committed")


def test_entry_is_committed_before_the_answer(
    site_of: Callable[[str], Site], database: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops the function in the middle has used up the value all the same."""

    def stop(*_: object) -> str:
        assert [entry[0] for entry in entries(database)] == ["mask"]
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.salts.SaltHistory.mask", stop)
    with pytest.raises(KeyboardInterrupt):
        run("mask", {"field": "ip", "value": IP, "reason": "why"}, site_of("anna"))
    assert len(entries(database)) == 1


def test_no_entry_no_answer(loginpipe: CommandLine, database: Scratch, function: Function) -> None:
    assert function(make_record()) == []
    database.execute("ALTER TABLE audit.entries ADD CHECK (false) NOT VALID")
    for words in (MASK, LOOKUP):
        finished = loginpipe(*words)
        assert (finished.code, finished.out) == (1, "")


@pytest.mark.parametrize("words", [("mask", "ip", IP), ("lookup", "--ip", IP)], ids=["mask", "lookup"])
@pytest.mark.parametrize("reason", [(), ("--reason", " ")], ids=["none", "blank"])
def test_reason_is_missing(
    loginpipe: CommandLine, database: Scratch, words: tuple[str, ...], reason: tuple[str, ...]
) -> None:
    finished = loginpipe(*words, *reason)
    assert (finished.code, "--reason" in finished.err, IP in finished.err) == (2, True, False)
    assert entries(database) == []


def test_value_that_is_none_costs_nothing(loginpipe: CommandLine, database: Scratch) -> None:
    assert loginpipe("mask", "ip", "no address", *WHY).code == 2
    assert entries(database) == []


def test_doctor_takes_no_value(loginpipe: CommandLine, database: Scratch) -> None:
    allow(database, 1)
    assert loginpipe(*MASK).code == 0
    found = {finding["check"]: finding["status"] for finding in loginpipe("--json", "doctor").data}
    assert (found["salt value"], found["salt version"]) == ("ok", "ok")
    assert len(entries(database)) == 1


def test_link_takes_no_value(
    loginpipe: CommandLine, database: Scratch, sealing_function: Function, salt: SaltParameter
) -> None:
    assert sealing_function(make_record()) == []
    salt.rotate()
    assert loginpipe("--json", "salt", "link", "1", "2", "--reason", "yearly", "--yes").data["linked"] == 2
    assert [entry[0] for entry in entries(database)] == ["link"]


def test_recover_takes_a_value(loginpipe: CommandLine, database: Scratch, sealing_function: Function) -> None:
    """It checks an original against its pseudonym, which confirms a guess as well."""
    allow(database, 2)
    assert sealing_function(make_record()) == []
    pseudonym = loginpipe("--json", *LOOKUP).data["pseudonyms"][0]["pseudonym"]
    recover = ("recover", "--ip", pseudonym, *WHY, "--basis", "consent")
    assert loginpipe("--json", *recover).data["original"] == IP
    assert [entry[0] for entry in entries(database)] == ["lookup", "recover", "mask"]
    finished = loginpipe(*recover)
    assert (finished.code, finished.out, "may ask for no more" in finished.err.replace("\n", " ")) == (1, "", True)
    assert IP not in finished.err


def test_limit_holds_for_an_action_of_another_name(operators: dict[str, Any]) -> None:
    with operators["masker"].cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT audit.note_value('show', 'me', NULL, 'why', 'ip')")
