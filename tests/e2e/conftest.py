"""The whole pipeline, as `make up` runs it, only with a shorter way to the dead-letter queue."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from local.stack import Stack, StackSettings


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("stack") / "up"
    with Stack(StackSettings(directory, visibility_seconds=1, max_receives=2)) as running:
        yield running


def query(stack: Stack, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """All rows of a query, as the owner of the database."""
    with closing(stack.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall()


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Returns once the condition holds; fails the test where it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
