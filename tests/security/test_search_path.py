"""No object that a role puts into schema public is called by the functions, which run as their owner."""

import datetime

import psycopg2
import pytest

from tests.conftest import Scratch

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
    "same(text, date) RETURNS text",
    "same(varchar, text) RETURNS boolean",
)
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


@pytest.fixture
def trapped(database: Scratch) -> Scratch:
    """A database where analyst may create in public, and has."""
    database.execute("GRANT CREATE ON SCHEMA public TO PUBLIC; SET SESSION AUTHORIZATION analyst")
    for signature in OVERLOADS:
        database.execute(
            f"CREATE FUNCTION public.{signature} LANGUAGE plpgsql AS "  # the pieces are constants
            "$$ BEGIN RAISE EXCEPTION 'a trap was called'; END $$"
        )
    for definition in OPERATORS:
        database.execute(f"CREATE OPERATOR public.{definition}")
    database.execute("RESET SESSION AUTHORIZATION")
    return database


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
