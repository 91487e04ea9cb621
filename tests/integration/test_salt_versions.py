"""One version of the salt is one key: the database remembers the first one."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from tests.conftest import Scratch

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
    """The second waits for the first, which may be taken back."""
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
