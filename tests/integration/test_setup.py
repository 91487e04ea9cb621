"""Tests rows of the failure table with real faults of the set-up: the invocation fails, and loses nothing."""

from collections.abc import Iterator

import psycopg2
import pytest

from lambda_src.errors import PipelineError, SaltError, SettingsError, SetupError
from tests.function import Function
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_record, make_records


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("PGPASSWORD", "wrong", "password authentication failed"),
        ("PGUSER", "nobody-at-all", "authentication failed"),
        ("PGDATABASE", "no_such_database", "does not exist"),
        ("PGPASSWORD", "", "no password supplied"),
    ],
)
def test_log_in_that_is_refused(
    function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert_invocation_fails(function, database, SetupError, words)


@pytest.mark.parametrize(
    ("breakage", "words"),
    [
        ("DROP TABLE user_logins CASCADE", "42P01"),
        ("DROP TABLE rejected_logins", "42P01"),
        ("REVOKE INSERT ON user_logins FROM ingest", "42501"),
        ("REVOKE INSERT ON rejected_logins FROM ingest", "42501"),
        ("ALTER TABLE user_logins RENAME COLUMN locale TO language", "42703"),
        ("DROP TABLE user_logins_default", "partition"),
        ("REVOKE CONNECT ON DATABASE this FROM PUBLIC, ingest", "permission denied"),
    ],
)
def test_schema_that_does_not_fit(function: Function, database: Scratch, breakage: str, words: str) -> None:
    database.execute(breakage)
    assert_invocation_fails(function, database, SetupError, words)


def assert_invocation_fails(function: Function, database: Scratch, error: type[PipelineError], words: str) -> None:
    """Asserts that the invocation fails with `words` in its message, and writes and rejects nothing."""
    with pytest.raises(error, match=words) as caught:
        function(*make_records(2), make_record("{"))
    assert not [link for link in chain(caught.value) if isinstance(link, psycopg2.Error) and link.pgcode]
    tables = ("user_logins", "rejected_logins")
    assert not [table for table in tables if exists(database, table) and database.count(table)]
    assert function.read_output().metrics["RecordsReceived"] == 3


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Returns the error with all its causes and contexts."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


def exists(database: Scratch, table: str) -> bool:
    """Returns whether the database has the table."""
    return database.query("SELECT to_regclass(%s) IS NOT NULL", table) == [(True,)]


def test_environment_that_is_incomplete(function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGHOST")
    assert_invocation_fails(function, database, SettingsError, "PGHOST")
    monkeypatch.setenv("PGHOST", database.server.host)
    assert function(make_record()) == []


def test_dead_letter_queue_that_is_the_queue(
    function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function would receive its own rejects again and again."""
    account, name = make_record()["eventSourceARN"].split(":")[4:]
    monkeypatch.setenv("DLQ_URL", f"http://127.0.0.1:9/{account}/{name}")
    assert_invocation_fails(function, database, SettingsError, "DLQ_URL is the queue")


def test_salt_that_does_not_exist(function: Function, database: Scratch, salt: SaltParameter) -> None:
    salt.delete()
    assert_invocation_fails(function, database, SaltError, "ParameterNotFound")
    salt.rotate()
    assert function(make_record()) == []
