"""Tests the comments of the schema, its privileges, and the queries that use an index."""

from contextlib import closing
from typing import Any

import psycopg2
import pytest

from lambda_src.contract import MASKED
from tests.scratch import Scratch
from tests.support import ADDED_BODY

OWN = "n.nspname IN ('public', 'audit', 'vault')"


def test_every_table_and_view_has_a_comment(database: Scratch) -> None:
    bare = database.query(
        f"""
        SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {OWN} AND c.relkind IN ('r', 'p', 'v', 'm') AND obj_description(c.oid, 'pg_class') IS NULL
        """
    )
    assert bare == []


def test_every_column_has_a_comment(database: Scratch) -> None:
    """Partitions have the comments of the parent. An added field may have none: the table of fields describes it."""
    added = [column for name in ADDED_BODY for column in (name, f"masked_{name}", f"{name}_name")]
    bare = database.query(
        f"""
        SELECT n.nspname, c.relname, a.attname
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {OWN} AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition AND a.attnum > 0
              AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL AND a.attname <> ALL (%s)
        """,
        added,
    )
    assert bare == []


def test_every_function_has_a_comment(database: Scratch) -> None:
    bare = database.query(
        f"""
        SELECT n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE {OWN} AND obj_description(p.oid, 'pg_proc') IS NULL
        """
    )
    assert bare == []


def test_columns_are_those_of_the_contract(database: Scratch) -> None:
    columns = database.query(
        """
        SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a
        WHERE a.attrelid = 'user_logins'::regclass AND a.attnum > 0 AND NOT a.attisdropped
        """
    )
    found = {name: (kind, required) for name, kind, required in columns}
    contract = {
        "event_id": ("uuid", True),
        "create_date": ("date", True),
        "user_id": ("character varying(128)", True),
        "device_type": ("character varying(32)", True),
        "masked_ip": ("character varying(256)", True),
        "masked_device_id": ("character varying(256)", True),
        "locale": ("character varying(32)", False),
        "app_version": ("integer", True),
        "app_version_name": ("character varying(64)", True),
        "salt_version": ("integer", True),
    }
    assert contract.items() <= found.items()


def test_same_event_on_the_same_day_is_refused(database: Scratch) -> None:
    database.execute(INSERT)
    with pytest.raises(psycopg2.errors.UniqueViolation):
        database.execute(INSERT)


# ---- privileges --------------------------------------------------------------------------------------------------

INSERT = """
    INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                             masked_device_id, app_version_name)
    VALUES ('9f2cbfd0-94dc-4e08-9c0b-3d1f0a2e7a11', '2023-11-15', 1, 1, 'u', 'd', 'x', 'y', '0.0.1')
"""
REJECT = """
    INSERT INTO rejected_logins (event_id, message_id, reason)
    VALUES ('9f2cbfd0-94dc-4e08-9c0b-3d1f0a2e7a11', 'm', 'empty')
"""
ALLOWED = {
    "ingest": [
        INSERT,
        INSERT + "ON CONFLICT DO NOTHING",
        REJECT,
        REJECT
        + "ON CONFLICT (event_id) DO UPDATE SET last_seen = excluded.last_seen, times = rejected_logins.times + 1",
        "CREATE TEMPORARY TABLE t (x integer)",
    ],
    "analyst": [
        "SELECT * FROM user_logins",
        "SELECT * FROM rejected_logins",
        "SELECT * FROM shared_ips",
        "SELECT * FROM shared_devices",
        "SELECT * FROM daily_logins",
        "SELECT app_version_text(2003000)",
    ],
}
CHANGES = [
    "UPDATE user_logins SET locale = 'x'",
    "DELETE FROM user_logins",
    "TRUNCATE user_logins",
    "DELETE FROM rejected_logins",
    "TRUNCATE rejected_logins",
    "DROP TABLE user_logins",
    "ALTER TABLE user_logins DISABLE TRIGGER ALL",
    "CREATE TABLE mine (x integer)",
    "CREATE FUNCTION mine() RETURNS integer RETURN 1",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "SELECT create_login_partitions('2020-01-01', 1)",
    "INSERT INTO schema_migrations (name, checksum) VALUES ('x', 'x')",
    "COPY user_logins TO PROGRAM 'true'",
    "COPY user_logins TO '/tmp/logins'",
    "SELECT pg_read_file('postgresql.conf')",
    "SET ROLE postgres",
    "ALTER SYSTEM SET log_statement = 'all'",
]
FORBIDDEN = {
    "ingest": [
        *CHANGES,
        "SELECT event_id FROM user_logins",
        "SELECT count(*) FROM user_logins",
        INSERT + "RETURNING event_id",
        INSERT + "ON CONFLICT (event_id, create_date) DO UPDATE SET locale = 'x'",
        "SELECT first_seen FROM rejected_logins",
        "UPDATE rejected_logins SET first_seen = now()",
        "UPDATE rejected_logins SET event_id = gen_random_uuid()",
        "INSERT INTO user_logins_default SELECT",
        "SELECT FROM shared_ips",
        "SELECT FROM shared_devices",
        "SELECT FROM daily_logins",
        "SELECT * FROM schema_migrations",
    ],
    "analyst": [
        *CHANGES,
        INSERT,
        REJECT,
        "UPDATE rejected_logins SET times = 0",
    ],
}


def run_as(database: Scratch, role: str, statement: str) -> None:
    """Runs a statement as `role`."""
    with closing(database.connect(role)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("role", ALLOWED)
def test_what_a_role_may_do(database: Scratch, role: str) -> None:
    for statement in ALLOWED[role]:
        database.execute("TRUNCATE user_logins, rejected_logins")
        run_as(database, role, statement)


@pytest.mark.parametrize("role", FORBIDDEN)
def test_what_a_role_may_not_do(database: Scratch, role: str) -> None:
    allowed = []
    for statement in FORBIDDEN[role]:
        try:
            run_as(database, role, statement)
        except psycopg2.errors.InsufficientPrivilege:
            continue
        allowed.append(statement)
    assert allowed == []


def test_roles_hold_nothing_beyond_the_database(database: Scratch, passwords: dict[str, str]) -> None:
    powers = database.query(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) AND (rolsuper OR rolcreatedb OR rolcreaterole OR "
        "rolreplication OR rolbypassrls OR NOT rolcanlogin)",
        list(passwords),
    )
    assert powers == []


# ---- plans -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["masked_ip", "masked_device_id"])
def test_lookup_by_pseudonym_uses_an_index(database: Scratch, column: str) -> None:
    database.execute(
        """
        INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                                 masked_device_id, app_version_name)
        SELECT gen_random_uuid(), now()::date - n % 40, 1, 1, n, 'd', md5(n::text), md5((-n)::text), '0.0.1'
        FROM generate_series(1, 4000) n;
        ANALYZE user_logins
        """
    )
    ((plan,),) = database.query(f"EXPLAIN (FORMAT JSON) SELECT * FROM user_logins WHERE {column} = md5('7')")
    scans = scanned(plan[0]["Plan"])
    assert scans
    filled = {name for (name,) in database.query("SELECT DISTINCT tableoid::regclass::text FROM user_logins")}
    assert {kind for name, kind in scans if name in filled} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}


def test_pseudonyms_are_indexed_by_their_bytes(database: Scratch) -> None:
    """Indexes of a later month are checked too. With a collation such as en_US.UTF-8 an insert costs double."""
    database.query("SELECT create_login_partitions('2031-05-01', 1)")
    classes = database.query(
        """
        SELECT DISTINCT a.attname, o.opcname
        FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum = 1
             JOIN pg_opclass o ON o.oid = i.indclass[0]
        WHERE i.indrelid::regclass::text ~ '^user_logins' AND a.attname ~ '^masked'
        ORDER BY 1
        """
    )
    assert classes == [(f"masked_{name}", "varchar_pattern_ops") for name in sorted(MASKED)]


def scanned(plan: dict[str, Any]) -> set[tuple[str, str]]:
    """Returns each table that the plan reads, and the type of its scan."""
    here = {(plan["Relation Name"], plan["Node Type"])} if "Relation Name" in plan else set()
    return here.union(*(scanned(child) for child in plan.get("Plans", [])))
