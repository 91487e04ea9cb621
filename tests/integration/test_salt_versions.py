"""A salt version has one key: the database stores the first key."""

import base64
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from lambda_src.new_salt import put_new_salt
from local.aws import AwsEndpoint
from tests.scratch import Scratch

REGISTER = "SELECT public.register_salt(%s, %s)"


def test_first_fingerprint_of_a_version_holds(database: Scratch) -> None:
    with closing(database.connect("ingest")) as connection, connection.cursor() as cursor:
        found = []
        for values in [(1, "a"), (1, "a"), (1, "b"), (2, "b"), (1, "a")]:
            cursor.execute(REGISTER, values)
            found += cursor.fetchall()
    assert found == [(True,), (True,), (False,), (True,), (True,)]
    assert database.rows("version, fingerprint", "salt_versions") == [(1, "a"), (2, "b")]


@pytest.mark.parametrize(("is_kept", "expected"), [(True, [(False,)]), (False, [(True,)])])
def test_two_first_uses_at_once(database: Scratch, *, is_kept: bool, expected: list[tuple[bool]]) -> None:
    """The second use waits for the first, because the first may be rolled back."""
    with closing(database.connect("ingest")) as first, ThreadPoolExecutor() as pool:
        first.autocommit = False
        with first.cursor() as cursor:
            cursor.execute(REGISTER, (1, "a"))
        second = pool.submit(database.query, REGISTER, 1, "b")
        database.wait_for_waiting()
        if is_kept:
            first.commit()
        else:
            first.rollback()
        assert second.result() == expected


@pytest.mark.parametrize("role", ["ingest", "analyst"])
def test_function_and_analyst_cannot_touch_the_table(database: Scratch, role: str) -> None:
    with closing(database.connect(role)) as connection, connection.cursor() as cursor:
        for statement in (
            "SELECT FROM salt_versions",
            "DELETE FROM salt_versions",
            "INSERT INTO salt_versions VALUES (1, '')",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)


def test_each_salt_is_another_key(aws: AwsEndpoint) -> None:
    name = f"/{secrets.token_hex(6)}/salt"
    keys = set()
    for newest in range(3):
        assert put_new_salt(aws.ssm, name, None, overwrite=newest > 0, newest=newest) == newest + 1
        value = aws.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        keys.add(base64.b64decode(value, validate=True))
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 3
