"""The audit table: each act has an entry, and no entry can leave, change or move without a trace."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import psycopg2
import pytest
from botocore.stub import Stubber

from lambda_src.privileges import ROLES
from ops import operator
from ops.audit_chain import LOG_FILTER, Head, find_heads
from ops.commands.audits import Action
from ops.operations.registry import OPERATIONS
from ops.settings import OPERATOR_FUNCTIONS
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.queues import Queues
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import Context, make_record

APPEND = "SELECT audit.append('restore', 'somebody', NULL, %s, '2024-01')"
AS_OWNER = "ALTER TABLE audit.entries DISABLE TRIGGER append_only;"


def append(database: Scratch, *reasons: str) -> None:
    for reason in reasons:
        database.execute(APPEND, reason)


def verify(loginpipe: CommandLine, *heads: str) -> tuple[int, Any]:
    words = [word for head in heads for word in ("--head", head)]
    finished = loginpipe("--json", "audit", "verify", *words)
    return finished.code, finished.data


def head_of(loginpipe: CommandLine) -> str:
    """The newest head, as the command shows it."""
    _, data = verify(loginpipe)
    assert data["faults"] == []
    return str(data["head"])


def test_table_that_is_whole(loginpipe: CommandLine, database: Scratch) -> None:
    append(database, "one", "two")
    early = head_of(loginpipe)
    append(database, "three")
    code, data = verify(loginpipe, early, head_of(loginpipe))
    assert (code, data["faults"], data["entries"], data["heads_compared"]) == (0, [], 3, 2)
    assert data["head"].startswith("3:")


def test_verification_without_any_head_is_not_enough(loginpipe: CommandLine, database: Scratch) -> None:
    append(database, "one")
    assert verify(loginpipe)[0] == 3
    assert "No head is known" in loginpipe("audit", "verify").err


def test_head_that_is_none(loginpipe: CommandLine) -> None:
    assert loginpipe("audit", "verify", "--head", "12").code == 2


# What an owner might do, and the words of what is found. The hashes after it stay as they are.
TAMPERED = {
    "removed": ("DELETE FROM audit.entries WHERE id = 3", "entry 3 is missing"),
    "two removed": ("DELETE FROM audit.entries WHERE id IN (2, 3)", "entries 2 to 3 are missing"),
    "first removed": ("DELETE FROM audit.entries WHERE id = 1", "entry 1 is missing"),
    "last removed": ("DELETE FROM audit.entries WHERE id = 5", "entry 5 is missing"),
    "all removed": ("TRUNCATE audit.entries", "entries 1 to 5 are missing"),
    "who": ("UPDATE audit.entries SET actor = 'other' WHERE id = 3", "entry 3 does not follow"),
    "why": ("UPDATE audit.entries SET reason = 'other' WHERE id = 3", "entry 3 does not follow"),
    "what": ("UPDATE audit.entries SET subject = 'other' WHERE id = 3", "entry 3 does not follow"),
    "when": ("UPDATE audit.entries SET at = at + interval '1 microsecond' WHERE id = 3", "entry 3 does not follow"),
    "role": ("UPDATE audit.entries SET role = 'analyst' WHERE id = 3", "entry 3 does not follow"),
    "action": ("UPDATE audit.entries SET action = 'show' WHERE id = 3", "entry 3 does not follow"),
    "counts": ("UPDATE audit.entries SET counts = '{\"logins\": 1}' WHERE id = 3", "entry 3 does not follow"),
    "last changed": ("UPDATE audit.entries SET reason = 'other' WHERE id = 5", "entry 5 does not follow"),
    "reordered": (
        "UPDATE audit.entries SET id = CASE id WHEN 2 THEN 13 ELSE 12 END WHERE id IN (2, 3);"  # noqa: ISC004
        "UPDATE audit.entries SET id = id - 10 WHERE id > 10",
        "entry 2 does not follow",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", TAMPERED)
def test_tampering_is_found(loginpipe: CommandLine, database: Scratch, way: str) -> None:
    append(database, *"abcde")
    head = head_of(loginpipe)
    statement, words = TAMPERED[way]
    database.execute(AS_OWNER + statement)
    code, data = verify(loginpipe, head)
    assert code == 3
    assert any(fault.startswith(words) for fault in data["faults"]), data["faults"]


def test_chain_that_was_made_anew_is_found_by_its_head(loginpipe: CommandLine, database: Scratch) -> None:
    """Only a head that the owner cannot change shows it."""
    append(database, *"abcde")
    head = head_of(loginpipe)
    database.execute(AS_OWNER + "DELETE FROM audit.entries WHERE id > 2")
    append(database, *"cXe")
    code, data = verify(loginpipe)
    assert (code, data["faults"], data["heads_compared"]) == (3, [], 0)
    code, data = verify(loginpipe, head)
    assert (code, len(data["faults"])) == (3, 1)
    assert data["faults"][0].startswith("entry 5 is not the one whose head is known")


def test_entries_written_at_once_have_no_gaps(loginpipe: CommandLine, database: Scratch) -> None:
    def write(number: int) -> None:
        with closing(database.connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = False
            cursor.execute(APPEND, (str(number),))
            connection.rollback() if number % 3 == 0 else connection.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(24)))
    assert database.query("SELECT id FROM audit.entries ORDER BY id") == [(n,) for n in range(1, 17)]
    _, data = verify(loginpipe)
    assert (data["faults"], data["entries"]) == ([], 16)


@pytest.mark.parametrize("role", ROLES)
def test_roles_cannot_write_past_the_chain(operators: dict[str, Any], role: str) -> None:
    with operators[role].cursor() as cursor:
        for statement in (
            "INSERT INTO audit.entries (action, actor, reason, subject) VALUES ('forget', 'a', 'b', 'c')",
            "SELECT audit.append('forget', 'a', NULL, 'b', 'c')",
            "BEGIN; LOCK TABLE audit.entries IN SHARE MODE",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)


ACTIONS = {
    "reader": {"salt", "show"},
    "masker": set(),
    "remover": {"export", "archive", "restore", "erase"},
    "custodian": {"recover"},
    "linker": {"link"},
}


@pytest.mark.parametrize("role", ACTIONS)
def test_role_writes_no_entry_of_anothers_act(operators: dict[str, Any], role: str) -> None:
    written = set()
    for action in Action:
        with operators[role].cursor() as cursor, suppress(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT audit.note(%s, 'a', NULL, 'b', 'c', 'd')", (action.value,))
            written.add(action.value)
    assert written == ACTIONS[role]


# ---- what is written down elsewhere ---------------------------------------------------------------------------------


ACTS: dict[str, tuple[str, dict[str, object]]] = {
    "reader": ("note_shown", {"queue": "anna", "events": 1}),
    "masker": ("mask", {"field": "device_id", "value": "anna", "reason": "why"}),
    "remover": ("forget", {"user_id": "anna", "reason": "why", "dry_run": False}),
    "custodian": ("recover", {"pseudonym": "anna", "reason": "why", "basis": "consent"}),
    "linker": ("open_link", {"old": 1, "new": 2, "reason": "why"}),
}


@pytest.mark.parametrize("role", OPERATIONS)
def test_operator_function_logs_the_head(
    loginpipe: CommandLine,
    database: Scratch,
    operators: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    role: str,
) -> None:
    for name, value in (loginpipe.environment | database.environment(role) | {"OPERATIONS": role}).items():
        monkeypatch.setenv(name, value)
    operation, arguments = ACTS[role]
    event = {"operation": operation, "arguments": arguments, "actor": "somebody"}
    with caplog.at_level("INFO", logger="ops"):
        operator.lambda_handler(event, Context(30))
    ((hash_, written_by),) = database.query("SELECT encode(hash, 'hex'), role::text FROM audit.entries")
    assert written_by == role
    assert f"audit head 1:{hash_}" in caplog.messages
    assert not [message for message in caplog.messages if "anna" in message]


def test_heads_are_read_from_the_logs() -> None:
    one, two = Head(1, "ab" * 32), Head(2, "cd" * 32)
    clients = {
        name: boto3.client(name, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        for name in ("lambda", "logs")
    }
    with Stubber(clients["lambda"]) as functions, Stubber(clients["logs"]) as logs:
        logged = {"operate": [f"audit head {one}", "audit head None"], "keep": [f'{{"message": "audit head {two}"}}']}
        for name, lines in logged.items():
            functions.add_response(
                "get_function_configuration",
                {"LoggingConfig": {"LogGroup": f"group of {name}"}},
                {"FunctionName": name},
            )
            logs.add_response(
                "filter_log_events",
                {"events": [{"message": line} for line in lines]},
                {"logGroupName": f"group of {name}", "filterPattern": LOG_FILTER},
            )
        known = {"reader_function": "operate", "custodian_function": "keep"}
        settings = SimpleNamespace(**{name: known.get(name) for name in OPERATOR_FUNCTIONS})
        target: Any = SimpleNamespace(settings=settings, lambda_=clients["lambda"], logs=clients["logs"])
        assert find_heads(target) == [one, two]


# ---- acts that have entries -----------------------------------------------------------------------------------------


def entries(database: Scratch) -> list[tuple[Any, ...]]:
    return database.query("SELECT action, subject, reason FROM audit.entries ORDER BY id")


def test_salt_rotation_has_an_entry(loginpipe: CommandLine, database: Scratch, salt: SaltParameter) -> None:
    assert loginpipe("salt", "rotate", "--yes", "--reason", "leak").code == 0
    assert entries(database) == [("salt", "rotate", "leak")]
    salt.delete()
    assert loginpipe("salt", "create").code == 0
    assert entries(database)[1:] == [("salt", "create", "salt create")]


def test_salt_is_not_rotated_without_an_entry(loginpipe: CommandLine, database: Scratch, salt: SaltParameter) -> None:
    database.execute("ALTER TABLE audit.entries ADD CHECK (false) NOT VALID")
    assert loginpipe("salt", "rotate", "--yes").code == 1
    assert json.loads(loginpipe("--json", "salt", "status").out)[0]["version"] == salt.version
    finished = loginpipe("salt", "rotate", "--yes", "--above", "1")
    assert (finished.code, "audit table got no entry" in finished.err) == (0, True)


def test_dead_letters_that_are_shown_have_an_entry(loginpipe: CommandLine, database: Scratch, queues: Queues) -> None:
    queues.put("a secret", dead=True)
    assert loginpipe("dlq", "list").code == 0
    assert entries(database) == []
    assert "a secret" in loginpipe("dlq", "list", "--show").out
    assert entries(database) == [("show", queues.dead_letter_url, "dlq list --show")]
    assert database.query("SELECT counts FROM audit.entries") == [({"events": 1},)]


def test_dead_letters_are_not_shown_without_an_entry(loginpipe: CommandLine, database: Scratch, queues: Queues) -> None:
    queues.put("a secret", dead=True)
    database.execute("ALTER TABLE audit.entries ADD CHECK (false) NOT VALID")
    finished = loginpipe("dlq", "list", "--show")
    assert (finished.code, "a secret" in finished.out + finished.err) == (1, False)


def test_export_has_an_entry_before_a_line_is_read(
    loginpipe: CommandLine, database: Scratch, function: Function, tmp_path: Any
) -> None:
    month = datetime.now(UTC).strftime("%Y-%m")
    assert function(make_record(sent=int(datetime.now(UTC).timestamp() * 1000))) == []
    database.execute("DROP FUNCTION login_line")  # no line can be made
    assert loginpipe("archive", "--month", month, str(tmp_path), "--reason", "yearly").code == 1
    assert entries(database) == [("export", month, "yearly")]
