"""How long connecting to Postgres may take: no longer than the invocation has left."""

import math
import time
from typing import Any

import psycopg2
import pytest

from lambda_src import database
from lambda_src.errors import TransientError
from lambda_src.settings import load_database_settings


@pytest.mark.parametrize(("left", "longest"), [(3.9, 3), (math.inf, 5)])
def test_connecting_ends_before_the_invocation_does(monkeypatch: pytest.MonkeyPatch, left: float, longest: int) -> None:
    taken: list[int] = []

    def connect(*_: int, connect_timeout: int, **__: Any) -> None:
        taken.append(connect_timeout)
        raise psycopg2.OperationalError("timeout expired")

    monkeypatch.setattr(database, "SimpleConnectionPool", connect)
    settings = load_database_settings({"PGHOST": "db", "PGDATABASE": "logins", "PGUSER": "ingest"})
    with pytest.raises(TransientError, match="timeout expired"):
        database.Database(settings).autocommit(time.monotonic() + left).__enter__()
    assert 1 <= taken[0] <= longest
