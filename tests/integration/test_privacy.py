"""Whatever fails, ip and device_id leave the function only as pseudonyms: the tests search for marked values."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from psycopg2 import sql

from tests.execution_environment import ExecutionEnvironment
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import ABSENT, Record, make_body, make_record

IP = "203.0.113.222"
IPV6 = "2001:db8:cafe:f00d::1234"
DEVICE = "canary-device-7c3e1"
MARKS = ("203.0.113.222", "2001:db8:cafe", "cafe:f00d", "canary")
LOUD = {  # the function logs as much as it can
    "LOG_LEVEL": "DEBUG",
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_DEBUG": "true",
    "PYTHONDEVMODE": "1",
    "PYTHONWARNINGS": "ignore",  # hides warnings of the libraries in development mode
}
# The server logs everything: each statement, and each error with its statement and details.
LOUD_SERVER = {
    "log_statement": "all",
    "log_min_messages": "debug1",
    "log_min_error_statement": "debug5",
    "log_error_verbosity": "verbose",
    "log_min_duration_statement": "0",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
}


def marked_records() -> list[Record]:
    """Returns records of every kind, and a reject of each kind, with the marked values in every possible field."""
    valid = [
        make_record(ip=IP, device_id=DEVICE),
        make_record(ip=IPV6, device_id=DEVICE + "\t\\\n\"'"),
        make_record(ip=f"::ffff:{IP}", device_id=DEVICE.upper() + DEVICE),
        make_record(ip=IP, device_id=DEVICE, extra={"ip": IP, "device_id": DEVICE}, canary=1),
    ]
    invalid = [
        make_body(ip=f"{IP}.{DEVICE}"),
        make_body(ip=f"{IPV6}%{DEVICE}"),
        make_body(ip=f"{IP} "),
        make_body(ip=[IP]),
        make_body(ip={IP: DEVICE}, device_id=DEVICE),
        make_body(ip=IP, device_id=DEVICE + "x" * 256),
        make_body(ip=IP, device_id=[DEVICE]),
        make_body(ip=IP, device_id=DEVICE + "\0"),
        make_body(ip=IP, device_id=DEVICE + "\ud800"),
        make_body(ip=IP, device_id=DEVICE, user_id=ABSENT),
        make_body(ip=IP, device_id=DEVICE, user_id=""),
        make_body(ip=IP, device_id=DEVICE, app_version=DEVICE),
        make_body(ip=IP, device_id=DEVICE, app_version="9999"),
        make_body(ip=IP, device_id=DEVICE, locale=DEVICE * 9),
        f'{{"ip": "{IP}", "device_id": "{DEVICE}"',
        f'{{"ip": {IP}, "device_id": {DEVICE}}}',
        f'{{"{DEVICE}": NaN, "ip": "{IP}"}}',
        f"{IP} {DEVICE}",
        [IP, DEVICE],
        f'"{DEVICE}"',
        f'{{"device_id": "{DEVICE}\\x00"}}',
        '{"device_id": "' + DEVICE + '", "x":' + "[" * 50_000,
    ]
    odd = make_record(ip=IP, device_id=DEVICE)
    odd["messageAttributes"] = {"event_id": {"stringValue": [IP, DEVICE]}}
    dateless = make_record(ip=IP, device_id=DEVICE, sent=DEVICE)
    unlike = make_record(ip=IP, device_id=DEVICE) | {"body": {"ip": IP, "device_id": DEVICE}}
    return [*valid, *[make_record(body) for body in invalid], odd, dateless, unlike]


TROUBLES: dict[str, Callable[[Scratch], None]] = {
    "none": lambda _: None,
    "row refused": lambda database: database.execute("ALTER TABLE user_logins ADD CHECK (masked_ip = '') NOT VALID"),
    "no table": lambda database: database.execute("ALTER TABLE user_logins RENAME TO other"),
    "no privilege": lambda database: database.execute("REVOKE INSERT ON user_logins FROM ingest"),
    "no privilege for rejects": lambda database: database.execute("REVOKE INSERT ON rejected_logins FROM ingest"),
    "no partition": lambda database: database.execute("DROP TABLE user_logins_default"),
    "rejects refused": lambda database: database.execute("ALTER TABLE rejected_logins ADD CHECK (times < 0) NOT VALID"),
    "read-only": lambda database: database.execute("ALTER DATABASE this SET default_transaction_read_only = on"),
    "timeout": lambda database: database.execute(
        f"ALTER ROLE ingest IN DATABASE {database.name} SET statement_timeout = '1ms'"
    ),
    "no connection": lambda database: database.execute("ALTER DATABASE this CONNECTION LIMIT 0"),
    "ended by a trigger": lambda database: database.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END $$;"
        "CREATE TRIGGER die BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION die()"
    ),
    "exception in a trigger": lambda database: database.execute(
        "CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'refused: %', new USING DETAIL = new::text, HINT = new::text; END $$;"
        "CREATE TRIGGER complain BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION complain()"
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_marked_values_are_nowhere(
    database: Scratch,
    execution_environments: Callable[[dict[str, str]], ExecutionEnvironment],
    trouble: str,
) -> None:
    log_start = database.server.log_path.stat().st_size
    for name, value in LOUD_SERVER.items():
        database.execute(f"ALTER DATABASE this SET {name} = '{value}'")
    TROUBLES[trouble](database)
    environment = execution_environments(LOUD)
    records = marked_records()
    answers = [environment.invoke(*records), environment.invoke(*records[:4]), environment.invoke(*records)]
    answers += [environment.invoke(record) for record in records]
    if trouble == "none":
        assert database.count() == 4
        assert database.count("rejected_logins") == len(records) - 4 + 1  # An array is two events.
    places = {
        "printed": environment.printed,
        "answers": json.dumps(answers),
        "standard error": environment.read_errors(),
        "server log": database.server.log_path.read_bytes()[log_start:].decode(),
        **dump(database),
    }
    assert environment.printed
    # With these faults, even the check of the salt fails.
    assert "COPY" in places["server log"] or trouble in {"no connection", "timeout", "read-only"}
    assert found_in(places) == []


def test_marked_values_are_nowhere_without_a_salt(
    execution_environments: Callable[[dict[str, str]], ExecutionEnvironment], salt: SaltParameter
) -> None:
    salt.delete()
    environment = execution_environments(LOUD)
    answer = environment.invoke(*marked_records())
    assert "SaltError" in answer["error"]
    foreign: Any = {"Records": [{"ip": IP, "device_id": DEVICE}], "canary": DEVICE}
    environment.send_event(foreign)
    other = environment.receive()
    assert "EventError" in other["error"]
    places = {"printed": environment.printed, "answers": str([answer, other]), "stderr": environment.read_errors()}
    assert found_in(places) == []


def test_search_finds_what_is_there(database: Scratch) -> None:
    """The search itself finds a value in a text, and in any table."""
    database.execute("INSERT INTO rejected_logins VALUES (gen_random_uuid(), %s, 'empty')", DEVICE)
    assert found_in({"a": f"...{IP}...", "b": "nothing", **dump(database)}) == ["a", "public.rejected_logins"]


def dump(database: Scratch) -> dict[str, str]:
    """Returns the rows of each table as text."""
    texts = {}
    tables = database.query(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        for names in tables:
            cursor.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(*names)))
            texts[".".join(names)] = "\n".join(row for (row,) in cursor.fetchall())
    return texts


def found_in(places: dict[str, str]) -> list[str]:
    """Returns the names of the places that hold a marked value."""
    return sorted(name for name, text in places.items() if any(mark in text.lower() for mark in MARKS))
