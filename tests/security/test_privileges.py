"""What each role of the database may do, tried one by one: all else is refused by Postgres itself."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2 import errorcodes, extensions

from lambda_src.privileges import PRIVILEGES, ROLES, Differences, find_differences
from tests.conftest import TEMPLATE
from tests.integration.test_migrations import empty_database, migrate_here
from tests.scratch import Scratch

# What is not here must be refused, of tables made later too.
ALLOWED = {
    ("INSERT", "user_logins"),
    ("INSERT", "rejected_logins"),
    ("UPDATE", "rejected_logins"),
    ("INSERT", "vault.inbox"),
}
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


def compare(database: Scratch) -> Differences:
    """The catalogue against the table."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET search_path = pg_catalog, pg_temp")
        return find_differences(cursor)


def test_catalogue_is_as_the_table_says(database: Scratch) -> None:
    found = compare(database)
    assert (found.lacking, found.surplus) == ([], [])


def test_table_names_each_object(database: Scratch) -> None:
    partitions = {
        f"TABLE public.{name}"
        for (name,) in database.query("SELECT relid::regclass::text FROM pg_partition_tree('user_logins') WHERE isleaf")
    } - {"TABLE public.user_logins_default"}
    everything = {
        f"{kind} {schema}.{name}"
        for kind, schema, name in database.query(
            """
            SELECT 'FUNCTION', nspname, proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
            WHERE nspname IN ('public', 'audit', 'vault')
            UNION ALL SELECT 'TABLE', nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname IN ('public', 'audit', 'vault') AND relkind IN ('r', 'p', 'v', 'm')
            """
        )
    }
    named = {name for name in PRIVILEGES if name.startswith(("FUNCTION", "TABLE"))}
    assert everything - partitions == named


@pytest.mark.parametrize(
    ("statement", "lacking", "surplus"),
    [
        ("GRANT SELECT ON vault.originals TO analyst", [], [("analyst", "TABLE vault.originals", "SELECT")]),
        ("GRANT SELECT (sealed) ON vault.originals TO analyst", [],
         [("analyst", "COLUMN vault.originals.sealed", "SELECT")]),
        ("GRANT SELECT ON user_logins_default TO PUBLIC", [],
         [("PUBLIC", "TABLE public.user_logins_default", "SELECT")]),
        ("GRANT SELECT ON user_logins TO analyst WITH GRANT OPTION",
         [("analyst", "TABLE public.user_logins", "SELECT")],
         [("analyst", "TABLE public.user_logins", "SELECT WITH GRANT OPTION")]),
        ("GRANT EXECUTE ON FUNCTION forget_user TO PUBLIC", [], [("PUBLIC", "FUNCTION public.forget_user", "EXECUTE")]),
        ("GRANT USAGE ON SEQUENCE vault.inbox_number_seq TO ingest", [],
         [("ingest", "TABLE vault.inbox_number_seq", "USAGE")]),
        ("REVOKE INSERT ON user_logins FROM ingest", [("ingest", "TABLE public.user_logins", "INSERT")], []),
        ("REVOKE SELECT (reason) ON rejected_logins FROM ingest",
         [("ingest", "COLUMN public.rejected_logins.reason", "SELECT")], []),
        ("GRANT CREATE ON SCHEMA vault TO custodian", [], [("custodian", "SCHEMA vault", "CREATE")]),
        ("GRANT TEMPORARY ON DATABASE this TO PUBLIC", [], [("PUBLIC", "DATABASE", "TEMPORARY")]),
        ("REVOKE CONNECT ON DATABASE this FROM analyst", [("analyst", "DATABASE", "CONNECT")], []),
        # Others' objects in schema public are none of the pipeline's business.
        ("CREATE TABLE others (id integer); GRANT SELECT ON others TO analyst, PUBLIC", [], []),
    ],
)  # fmt: skip
def test_difference_is_found_and_mended(
    database: Scratch, statement: str, lacking: list[object], surplus: list[object]
) -> None:
    database.execute(statement)
    found = compare(database)
    assert (found.lacking, found.surplus) == (lacking, surplus)
    assert migrate_here(database) == []
    found = compare(database)
    assert (found.lacking, found.surplus) == ([], [])


def test_others_function_of_the_same_name_keeps_its_privileges(database: Scratch) -> None:
    database.execute(
        "GRANT CREATE ON SCHEMA public TO analyst; SET SESSION AUTHORIZATION analyst;"
        "CREATE FUNCTION forget_user(integer) RETURNS integer LANGUAGE sql RETURN 1; RESET SESSION AUTHORIZATION;"
        "REVOKE CREATE ON SCHEMA public FROM analyst;"
        "REVOKE EXECUTE ON FUNCTION forget_user(text, text, text, text) FROM remover"
    )  # fmt: skip
    migrate_here(database)
    privileges = "has_function_privilege('remover', oid, 'EXECUTE'), has_function_privilege('ingest', oid, 'EXECUTE')"
    assert database.query(f"SELECT {privileges} FROM pg_proc WHERE proname = 'forget_user' ORDER BY pronargs") == [
        (True, True), (True, False),
    ]  # fmt: skip


def test_public_may_neither_connect_nor_make_temporary_tables(database: Scratch) -> None:
    """In a database that was there before, too."""
    database.execute("CREATE ROLE nobody_known LOGIN PASSWORD 'known'")
    try:
        with empty_database(database, f"{database.name}_existing") as existing:
            existing.passwords["nobody_known"] = "known"
            existing.execute("GRANT CONNECT, TEMPORARY ON DATABASE this TO PUBLIC")
            existing.connect("nobody_known").close()
            migrate_here(existing)
            with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
                existing.connect("nobody_known")
            with (
                closing(existing.connect("analyst")) as connection,
                connection.cursor() as cursor,
                pytest.raises(psycopg2.errors.InsufficientPrivilege),
            ):
                cursor.execute("CREATE TEMPORARY TABLE mine (id integer)")
    finally:
        database.execute("DROP ROLE nobody_known")


def test_roles_have_no_power_over_the_server(session: extensions.connection) -> None:
    with session.cursor() as cursor:
        cursor.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) "
            "AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls "
            "OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid))",
            (list(ROLES),),
        )
        assert cursor.fetchall() == []


def test_waits_are_bounded(database: Scratch) -> None:
    # The settings belong to the database that was migrated; its copies do not have them.
    operators = [
        (role, setting)
        for role in ("custodian", "linker", "masker", "reader", "remover")
        for setting in (
            "idle_in_transaction_session_timeout=60s",
            "lock_timeout=4s",
            "search_path=pg_catalog, pg_temp",
            "statement_timeout=15min",
        )
    ]
    assert database.query(
        "SELECT setrole::regrole::text, setting FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase, "
        "unnest(setconfig) AS setting WHERE datname = %s ORDER BY 1, 2",
        TEMPLATE,
    ) == sorted(
        [
            ("analyst", "idle_in_transaction_session_timeout=5min"),
            ("analyst", "statement_timeout=10min"),
            *operators,
            ("ingest", "idle_in_transaction_session_timeout=60s"),
            ("ingest", "lock_timeout=5s"),
            ("ingest", "search_path=pg_catalog, pg_temp"),
            ("ingest", "statement_timeout=20s"),
        ]
    )


def test_role_can_change_its_own_bounds(session: extensions.connection) -> None:
    """They are defaults against forgetfulness: docs/explanation/threat-model.md says so."""
    assert try_as(session, "analyst", "SET statement_timeout = 0; ALTER ROLE analyst SET statement_timeout = 0") is None
