"""What each role of the database may do, tried one by one: all else is refused by Postgres itself."""

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import errorcodes, extensions

from tests.conftest import TEMPLATE, Scratch

# What is not here must be refused, of tables made later too.
ALLOWED = {
    ("INSERT", "user_logins"),
    ("INSERT", "rejected_logins"),
    ("UPDATE", "rejected_logins"),
    ("INSERT", "vault.inbox"),
}
ROLES = ("ingest", "analyst", "operator", "custodian")
ATTEMPTS = {
    "SELECT": "SELECT * FROM {table} LIMIT 1",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = {column}",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table}",
    "LOCK": "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    "ALTER": "ALTER {kind} {table} RENAME TO taken",
    "DROP": "DROP {kind} {table}",
    "TRIGGER": "CREATE TRIGGER t BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()",
}
UPDATED = {"rejected_logins": "times"}  # where not every column may be
RELATIONS = """
    SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END,
           CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, attname
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    JOIN pg_attribute a ON attrelid = c.oid AND attnum = 1
    WHERE nspname IN ('public', 'audit', 'vault') AND relkind IN ('r', 'p', 'v', 'm')
"""
OURS = "pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'audit', 'vault'))"
FUNCTIONS = "SELECT proname FROM pg_proc WHERE has_function_privilege(%s, oid, 'EXECUTE') AND prosecdef AND " + OURS

REFUSED = (
    "CREATE TABLE public.mine (n integer)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql RETURN 1",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "ALTER ROLE analyst SUPERUSER",
    "ALTER SYSTEM SET log_min_error_statement = 'error'",
    "SET log_min_error_statement = 'error'",
    "SET session_replication_role = replica",
    "SET ROLE postgres",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/out'",
    "SELECT lo_import('/etc/passwd')",
    "SELECT wrapped FROM vault.data_keys",
    "SELECT sealed FROM vault.originals",
    "SELECT boxes FROM vault.inbox",
    "DELETE FROM user_logins",
    "UPDATE user_logins SET masked_ip = ''",
    "TRUNCATE user_logins",
    "DELETE FROM audit.entries",
    "UPDATE schema_migrations SET checksum = ''",
)
REFUSED_TO_THE_FUNCTION = (
    "COPY user_logins TO STDOUT",
    "INSERT INTO user_logins DEFAULT VALUES RETURNING event_id",
    "SELECT first_seen FROM rejected_logins",
    "UPDATE rejected_logins SET first_seen = now()",
    "SELECT create_login_partitions(current_date, 1)",
)


@pytest.fixture
def session(database: Scratch) -> Iterator[extensions.connection]:
    connection = database.connect()
    yield connection
    connection.close()


def try_as(session: extensions.connection, role: str, statement: str, *, alone: bool = False) -> str | None:
    """SQLSTATE with which the statement fails under `role`; without `alone` it is taken back."""
    with session.cursor() as cursor:
        try:
            cursor.execute("SELECT" if alone else "BEGIN")
            cursor.execute(f"SET SESSION AUTHORIZATION {role}")
            cursor.execute(statement)
        except psycopg2.Error as error:
            return error.pgcode
        finally:
            cursor.execute("SELECT" if alone else "ROLLBACK")
            cursor.execute("RESET SESSION AUTHORIZATION")
    return None


def find_allowed(session: extensions.connection, role: str) -> set[tuple[str, str]]:
    """What `role` can do with the tables and views that there are."""
    with session.cursor() as cursor:
        cursor.execute(RELATIONS)
        relations = cursor.fetchall()
    allowed = set()
    for table, kind, column in relations:
        for privilege, attempt in ATTEMPTS.items():
            statement = attempt.format(table=table, kind=kind, column=UPDATED.get(table, column))
            state = try_as(session, role, statement)
            if state != errorcodes.INSUFFICIENT_PRIVILEGE and not is_of_another_kind(kind, state):
                allowed.add((privilege, table))
    return allowed


def is_of_another_kind(kind: str, state: str | None) -> bool:
    """Whether Postgres does not even ask for the privilege: a view cannot be truncated, for one."""
    cannot = (
        errorcodes.WRONG_OBJECT_TYPE,
        errorcodes.OBJECT_NOT_IN_PREREQUISITE_STATE,
        errorcodes.FEATURE_NOT_SUPPORTED,
    )
    return kind != "TABLE" and state in cannot


def test_function_may_do_what_it_needs_and_no_more(session: extensions.connection) -> None:
    allowed = find_allowed(session, "ingest")
    # Whoever may update may lock; lock_timeout and statement_timeout end that.
    assert allowed - {("LOCK", "rejected_logins")} == ALLOWED


def test_analyst_may_read_and_nothing_else(session: extensions.connection) -> None:
    allowed = find_allowed(session, "analyst")
    assert {privilege for privilege, _ in allowed} == {"SELECT"}
    assert {table for _, table in allowed} >= {"user_logins", "rejected_logins", "shared_ips", "shared_devices"}
    assert not [table for _, table in allowed if table.startswith(("vault.", "audit.")) or table == "schema_migrations"]


@pytest.mark.parametrize("role", ROLES)
def test_statements_that_no_role_may_use(session: extensions.connection, role: str) -> None:
    statements = REFUSED + (REFUSED_TO_THE_FUNCTION if role == "ingest" else ())
    states = {statement: try_as(session, role, statement, alone=True) for statement in statements}
    assert states == dict.fromkeys(statements, errorcodes.INSUFFICIENT_PRIVILEGE)


def test_functions_that_run_as_their_owner_are_shut(session: extensions.connection) -> None:
    usable = {}
    with session.cursor() as cursor:
        for role in ("ingest", "analyst"):
            cursor.execute(FUNCTIONS, (role,))
            usable[role] = {name for (name,) in cursor.fetchall()}
    assert usable["ingest"] == {"register_salt"}
    assert usable["analyst"] <= {"sharing_counted_through"}  # one timestamp


def test_roles_have_no_power_over_the_server(session: extensions.connection) -> None:
    with session.cursor() as cursor:
        cursor.execute(
            "SELECT rolname FROM pg_roles WHERE rolname IN ('ingest', 'analyst', 'operator', 'custodian') "
            "AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls "
            "OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid))"
        )
        assert cursor.fetchall() == []


def test_waits_are_bounded(database: Scratch) -> None:
    # The settings belong to the database that was migrated; its copies do not have them.
    assert database.query(
        "SELECT setrole::regrole::text, setting FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase, "
        "unnest(setconfig) AS setting WHERE datname = %s ORDER BY 1, 2",
        TEMPLATE,
    ) == [
        ("custodian", "lock_timeout=4s"),
        ("ingest", "idle_in_transaction_session_timeout=60s"),
        ("ingest", "lock_timeout=5s"),
        ("ingest", "statement_timeout=20s"),
        ("operator", "lock_timeout=4s"),
    ]
