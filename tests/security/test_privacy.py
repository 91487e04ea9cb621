"""Marked values are sought where no log shows them: in exceptions kept in memory, and in what Postgres is doing."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from lambda_src.errors import PipelineError
from lambda_src.masking import Row, Salt, mask_login
from lambda_src.parsing import Login
from tests.chaos.proxy import Cut, PostgresProxy, Rule, Step
from tests.function import Function
from tests.scratch import Scratch
from tests.support import Record, make_body, make_record

MARK = "heron"
IP = "2001:db8:8e60::77"
MARKS = (MARK, "db8:8e60")

TROUBLES: dict[str, Callable[[Scratch], None]] = {
    "row refused": lambda database: database.execute("ALTER TABLE user_logins ADD CHECK (locale <> 'ZZ') NOT VALID"),
    "no table": lambda database: database.execute("ALTER TABLE user_logins RENAME TO other"),
    "no partition": lambda database: database.execute("DROP TABLE user_logins_default"),
    "rejects refused": lambda database: database.execute("ALTER TABLE rejected_logins ADD CHECK (times < 0) NOT VALID"),
    "read-only": lambda database: database.execute("ALTER DATABASE this SET default_transaction_read_only = on"),
    "no connection": lambda database: database.execute("ALTER DATABASE this CONNECTION LIMIT 0"),
    "exception with the row": lambda database: database.execute(
        "CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'refused: %', new USING DETAIL = new::text; END $$;"
        "CREATE TRIGGER complain BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION complain()"
    ),
}


def marked_records() -> list[Record]:
    """A bad record and good ones, with the mark in what is masked and in what is not."""
    marked = make_body(ip=IP, device_id=f"{MARK}-device", user_id=f"{MARK}-user")
    return [make_record(marked), make_record(marked | {"locale": "ZZ"}), make_record(marked | {"ip": f"{IP}x"})]


def invoke(function: Function, *records: Record) -> str:
    """Everything that the exception tells that comes out, if one does."""
    try:
        function(*records)
    except PipelineError as error:
        return "\n".join(tell(error))
    return ""


def tell(error: BaseException | None) -> list[str]:
    """What an exception and all that hang on it say."""
    if error is None:
        return []
    own = [repr(error), str(error), repr(getattr(error, "__notes__", ""))]
    return [*own, *tell(error.__cause__), *tell(error.__context__)]


def exceptions_in_memory() -> list[str]:
    """Types of the living exceptions that hold a marked value; psycopg2's do, where Postgres names the row."""
    gc.collect()
    living = [thing for thing in gc.get_objects() if isinstance(thing, BaseException)]
    return [type(error).__name__ for error in living if any(mark in text for text in tell(error) for mark in MARKS)]


def assert_unmarked(text: str) -> None:
    """None of the marked values is in the text."""
    assert not [mark for mark in MARKS if mark in text]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_exception_stays_in_memory(
    function: Function, database: Scratch, capsys: pytest.CaptureFixture[str], trouble: str
) -> None:
    TROUBLES[trouble](database)
    for _ in range(2):
        assert_unmarked(invoke(function, *marked_records()))
        assert exceptions_in_memory() == []
    assert_unmarked(capsys.readouterr().out)


def test_search_of_the_memory_finds_what_is_there() -> None:
    kept = [ValueError("of no importance", f"a {MARK}")]
    assert exceptions_in_memory() == ["ValueError"]
    del kept


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.ANSWERED])
@pytest.mark.parametrize("step", [Step.COPY, Step.DATA, Step.DATA_END, Step.COMMIT])
def test_connection_that_breaks(
    function: Function,
    database: Scratch,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    step: Step,
    cut: Cut,
) -> None:
    proxy = PostgresProxy(database.server.port).start()
    monkeypatch.setenv("PGPORT", str(proxy.port))
    rule = Rule(step, cut, times=2)
    proxy.arm(rule)
    told = invoke(function, *marked_records())
    assert rule.fired
    assert exceptions_in_memory() == []
    assert_unmarked(told + capsys.readouterr().out)
    proxy.refuse()


def test_fault_of_our_own(
    function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(login: Login, salt: Salt, seal: None) -> Row:
        if login.body.locale == "ZZ":
            raise ValueError(f"cannot mask {login.body}")
        return mask_login(login, salt, seal)

    monkeypatch.setattr("lambda_src.records.mask_login", fail)
    records = marked_records()
    assert function(*records) == [records[1]["messageId"], records[2]["messageId"]]
    assert database.query("SELECT reason FROM rejected_logins ORDER BY 1") == [("invalid_ip",), ("unexpected",)]
    assert database.count() == 1
    assert exceptions_in_memory() == []
    assert_unmarked(capsys.readouterr().out)


def test_quarantine_that_fails(
    function: Function, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DLQ_URL", "http://127.0.0.1:9/queue/nowhere")
    records = marked_records()
    assert function(*records) == [records[2]["messageId"]]
    assert exceptions_in_memory() == []
    output = capsys.readouterr().out
    assert "quarantine failed" in output
    assert_unmarked(output)


def test_statements_that_postgres_shows(function: Function, database: Scratch) -> None:
    seen: list[tuple[Any, ...]] = []
    with database.connect() as locker, locker.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE user_logins, rejected_logins IN ACCESS EXCLUSIVE MODE")
        writer = threading.Thread(target=invoke, args=(function, *marked_records()))
        writer.start()
        while not any(waiting for _, waiting in seen):
            seen += database.query(
                "SELECT query, wait_event_type = 'Lock' FROM pg_stat_activity WHERE usename = 'ingest'"
            )
        cursor.execute("ROLLBACK")
        writer.join()
    assert "COPY" in str(seen)
    assert_unmarked(str(seen))
