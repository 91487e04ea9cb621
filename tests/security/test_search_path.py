"""No object that a role puts into schema public is used by functions, migrations, commands or the function."""

import datetime
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from lambda_src.errors import MigrationError
from lambda_src.migrate import load_migrations
from lambda_src.privileges import ROLES
from ops.archive_lines import BEFORE_ALL
from ops.operations.registry import operator_of, run
from ops.operations.site import Site
from tests.conftest import TEMPLATE
from tests.function import Function
from tests.integration.test_migrations import empty_database, migrate_here, run_migrate
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_body, make_record

PINNED = "search_path=pg_catalog, pg_temp"
UNPINNED = """
    SELECT p.oid::regprocedure::text, p.proconfig FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname IN ('public', 'audit', 'vault') AND NOT coalesce(p.proconfig, '{}') @> ARRAY[%s]
"""
# Each fits an expression of the functions better than what pg_catalog has.
OVERLOADS = (
    "to_char(date, text) RETURNS text",
    "date_trunc(text, date) RETURNS timestamptz",
    "right(name, integer) RETURNS text",
    "format(text, name) RETURNS text",
    "format(text, text, text) RETURNS text",
    "format(text, text, date, date) RETURNS text",
    "make_interval(months integer) RETURNS interval",
    "jsonb_build_object(text, bigint, text, integer) RETURNS jsonb",
    "jsonb_build_object(text, bigint, text, bigint, text, bigint) RETURNS jsonb",
    "quote_ident(name) RETURNS text",
    "unnest(text[]) RETURNS SETOF text",
    "unnest(uuid[]) RETURNS SETOF uuid",
    "same(text, date) RETURNS text",
    "same(varchar, text) RETURNS boolean",
)
# Names that the migrations could take for their own.
TABLES = ("sharing", "same_table", "masked", "moved", "gone", "login")
OPERATORS = (
    "|| (LEFTARG = text, RIGHTARG = date, FUNCTION = public.same)",
    "= (LEFTARG = varchar, RIGHTARG = text, FUNCTION = public.same)",
)
BAIT = (
    "SELECT to_char(current_date, 'YYYY')",
    "SELECT right('relation'::name, 3)",
    "SELECT 'Logins of '::text || current_date",
    "SELECT 'a'::varchar = 'a'::text",
)
LOGIN = """
    INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                             masked_device_id, app_version_name)
    VALUES (gen_random_uuid(), %s, 1, 1, %s, 'd', 'ip', 'device', '0.0.1')
"""
BATCH = """
    INSERT INTO vault.inbox (salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes)
    VALUES (1, '2019-02-01', '2019-02-28', gen_random_uuid(), '', '', 'ip,device', 'AAAA,AAAA')
"""
CALLS = (
    "SELECT public.create_login_partitions('2019-02-01', 1)",
    "SELECT public.count_sharing()",
    "SELECT vault.unfold(10)",
    "SELECT public.forget_user('anna', 'who', 'request', 'why')",
    "SELECT vault.drop_orphans(10)",
    "SELECT public.drop_old_logins('2020-01-01', false, 'who', 'request', 'why')",
    "SELECT public.split_login_months()",
)


OPERATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("check_server", {}),
    ("check_schema", {}),
    ("upkeep", {"ahead": 3}),
    ("report", {"days": 5000, "top": 5}),
    ("reject_reasons", {"event_ids": ["00000000-0000-0000-0000-000000000001"]}),
    ("highest_salt_version", {}),
    ("rows_by_version", {}),
    ("known_archives", {"month": None}),
    ("count_erasures", {"after": 0}),
    ("forget", {"user_id": "anna", "reason": "why", "dry_run": False}),
    ("retention", {"months": 3, "ahead": 3, "reason": "why", "dry_run": False}),
    ("audit", {"action": None, "limit": 5}),
    ("audit_chain", {"after": 0, "limit": 5}),
    ("mask", {"field": "ip", "value": "10.0.0.1", "reason": "why"}),
    ("lookup", {"field": "ip", "value": "10.0.0.1", "limit": 5, "reason": "why"}),
    ("doubled_salt_versions", {}),
    ("recover", {"pseudonym": "00", "reason": "why", "basis": "consent"}),
    ("open_link", {"old": 1, "new": 2, "reason": "why"}),
)
# What each object needs whenever it is used: functions of views, defaults, checks, triggers, indexes; types of columns.
PLANTED = """
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, 0)
    FROM pg_depend d
    WHERE (d.refclassid, d.refobjid) IN (
        SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE proowner = 'analyst'::regrole
        UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprowner = 'analyst'::regrole
        UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relowner = 'analyst'::regrole
        UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typowner = 'analyst'::regrole
    ) AND NOT EXISTS (
        SELECT FROM pg_shdepend s WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND s.refobjid = 'analyst'::regrole AND (s.classid, s.objid) = (d.classid, d.objid)
    ) AND d.deptype = 'n' AND d.classid <> 'pg_operator'::regclass
"""


def plant(database: Scratch) -> None:
    """Lets analyst create in public, as every role may in a database from before PostgreSQL 15, and sets the traps."""
    database.execute("GRANT CREATE ON SCHEMA public TO PUBLIC; SET SESSION AUTHORIZATION analyst")
    for signature in OVERLOADS:
        database.execute(
            f"CREATE FUNCTION public.{signature} LANGUAGE plpgsql AS "  # the pieces are constants
            "$$ BEGIN RAISE EXCEPTION 'a trap was called'; END $$"
        )
    for definition in OPERATORS:
        database.execute(f"CREATE OPERATOR public.{definition}")
    for name in TABLES:
        database.execute(f"CREATE TABLE public.{name} (id integer)")
    database.execute("RESET SESSION AUTHORIZATION")


@pytest.fixture
def trapped(database: Scratch) -> Scratch:
    """A migrated database with traps."""
    plant(database)
    return database


@pytest.fixture
def operators(database: Scratch) -> Callable[[str], dict[str, str]]:
    """PG* of a role."""

    def environment(role: str) -> dict[str, str]:
        if role != "postgres":
            database.passwords[role] = secrets.token_urlsafe(16)
            database.execute(f"ALTER ROLE {role} PASSWORD '{database.passwords[role]}'")
        return database.environment(role)

    return environment


@pytest.fixture
def trapped_before(database: Scratch) -> Iterator[Scratch]:
    """An empty database with traps."""
    with empty_database(database, f"{database.name}_trapped") as scratch:
        plant(scratch)
        yield scratch


def test_every_function_fixes_its_search_path(database: Scratch) -> None:
    assert database.query(UNPINNED, PINNED) == []


@pytest.mark.parametrize("statement", BAIT)
def test_statement_without_the_setting_calls_the_trap(trapped: Scratch, statement: str) -> None:
    with pytest.raises(psycopg2.errors.RaiseException, match="a trap was called"):
        trapped.execute(statement)


def test_functions_call_nothing_in_public(trapped: Scratch) -> None:
    for user in ("anna", "bert"):
        trapped.execute(LOGIN, datetime.date(2019, 2, 3), user)
    trapped.execute(BATCH)
    for statement in CALLS:
        trapped.execute(statement)
    assert trapped.count() == 0
    assert trapped.query("SELECT action FROM audit.entries ORDER BY id") == [("forget",), ("retention",)]


def test_migration_uses_nothing_in_public(trapped_before: Scratch) -> None:
    assert migrate_here(trapped_before) == [migration.name for migration in load_migrations()]
    assert trapped_before.query(PLANTED) == []
    assert trapped_before.query("SELECT count(*) FROM public.login_months()") == [(14,)]


def test_search_for_what_was_planted_finds_it(trapped_before: Scratch) -> None:
    trapped_before.execute("CREATE VIEW public.caught AS SELECT to_char(current_date, 'YYYY') AS year")
    trapped_before.execute("CREATE TABLE public.caught_too (name text DEFAULT right('relation'::name, 3))")
    assert {what for _, what in trapped_before.query(PLANTED)} == {
        "function to_char(date,text)", "function \"right\"(name,integer)",
    }  # fmt: skip


@pytest.mark.parametrize("as_owner", [False, True], ids=["each as its role", "as the owner"])
def test_operations_call_nothing_in_public(
    trapped: Scratch,
    monkeypatch: pytest.MonkeyPatch,
    operators: Callable[[str], dict[str, str]],
    salt: SaltParameter,
    as_owner: bool,
) -> None:
    def do(operation: str, arguments: dict[str, Any]) -> Any:
        login = trapped.environment() if as_owner else operators(operator_of(operation))
        with closing(Site(lambda: "who", None, salt.name, login)) as site:
            return run(operation, arguments, site)

    for user in ("anna", "bert"):
        trapped.execute(LOGIN, datetime.date(2019, 2, 3), user)
    for name, value in salt.aws.environment.items():
        monkeypatch.setenv(name, value)
    for operation, arguments in OPERATIONS:
        assert do(operation, arguments) is not None
    month = {"month": "2019-02"}
    begun = do("archive_begin", month | {"reason": "why"})
    arguments = month | {"after": BEFORE_ALL, "limit": 5}
    page = do("archive_page", arguments)
    assert page == {"lines": [], "written_at": [], "after": None}, "retention has dropped the month"
    line = {"event_id": "00000000-0000-0000-0000-000000000001", "create_date": "2019-02-03", "app_version": 1,
            "salt_version": 1, "user_id": "carl", "device_type": "d", "masked_ip": "ip", "masked_device_id": "device",
            "app_version_name": "0.0.1"}  # fmt: skip
    newest = {name: begun[name] for name in ("newest_entry", "newest_entry_at")}
    noted = {"counts": {}, "reason": "why"}
    assert do("note_erasure", noted | {"user_id": "x"}) is None
    assert do("note_expiry", noted | {"before": "2019-01"}) is None
    restored = do("restore_page", month | newest | {"lines": [json.dumps(line)]})
    assert restored == {"written": 1, "there_already": 0, "forgotten": 0}


def test_function_calls_nothing_in_public(trapped: Scratch, function: Function) -> None:
    trapped.execute("ALTER ROLE ingest IN DATABASE this SET search_path = pg_catalog, pg_temp")
    good, bad = make_record(), make_record(make_body(ip="none"))
    for _ in range(2):  # the second time, the rows are there
        assert function(good, bad) == [bad["messageId"]]
    assert (trapped.count(), trapped.count("rejected_logins")) == (1, 1)


@pytest.mark.parametrize("role", [role for role in ROLES if role != "analyst"])
def test_roles_of_functions_search_pg_catalog_only(database: Scratch, role: str) -> None:
    # The settings belong to the database that was migrated; its copies do not have them.
    assert database.query(
        "SELECT setting FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) AS setting"
        " WHERE datname = %s AND setrole = %s::regrole AND setting LIKE 'search_path=%%'",
        TEMPLATE, role,
    ) == [(PINNED,)]  # fmt: skip


def test_history_that_somebody_else_made_is_refused(trapped_before: Scratch) -> None:
    """Its triggers would run as the owner."""
    trapped_before.execute(
        "SET SESSION AUTHORIZATION analyst;"
        "CREATE TABLE public.schema_migrations (name text PRIMARY KEY, checksum text, applied_at timestamptz);"
        "RESET SESSION AUTHORIZATION"
    )
    with pytest.raises(MigrationError, match="schema_migrations belongs to the role analyst"):
        migrate_here(trapped_before)


# ---- revoking it ----------------------------------------------------------------------------------------------------


def test_migration_warns_that_public_may_create(trapped: Scratch) -> None:
    finished = run_migrate(trapped.environment())
    assert (finished.returncode, finished.stdout) == (0, "nothing to do\n")
    assert "every role may create objects in schema public" in finished.stderr
    assert "--revoke-public-create" in finished.stderr


def test_migration_revokes_create(trapped: Scratch) -> None:
    finished = run_migrate(trapped.environment(), "--revoke-public-create")
    assert (finished.returncode, finished.stderr) == (0, "")
    trapped.execute("SET SESSION AUTHORIZATION analyst")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        trapped.execute("CREATE TABLE public.mine (id integer)")
    trapped.execute("RESET SESSION AUTHORIZATION")
    assert run_migrate(trapped.environment()).stderr == ""


def test_migration_that_cannot_revoke_create_fails(trapped_before: Scratch) -> None:
    trapped_before.execute(
        "GRANT CREATE, CONNECT ON DATABASE this TO ingest; GRANT CREATE ON SCHEMA public TO ingest;"
        "ALTER SCHEMA public OWNER TO postgres"
    )
    finished = run_migrate(trapped_before.environment("ingest"), "--revoke-public-create")
    assert finished.returncode == 1
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in finished.stderr
    assert "postgres" in finished.stderr
