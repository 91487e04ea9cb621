"""Who may not remove logins cannot keep those who may from it; and whoever waits learns for whom."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace

import psycopg2
import pytest
from psycopg2 import extensions

from lambda_src import blockers
from lambda_src.errors import MigrationError
from lambda_src.migrate import migrate
from ops.errors import LockedError
from ops.operations import forget, retention, upkeep
from ops.operations.site import Site
from ops.operations.vault import unfold
from tests.scratch import Scratch
from tests.security.test_privileges import RELATIONS

STRONGEST_FIRST = (
    "ACCESS EXCLUSIVE", "EXCLUSIVE", "SHARE ROW EXCLUSIVE", "SHARE", "SHARE UPDATE EXCLUSIVE", "ROW EXCLUSIVE",
    "ROW SHARE", "ACCESS SHARE",
)  # fmt: skip
ADVISORY = ("login-pipeline removals", "login-pipeline migrations")
LOGIN = """
    INSERT INTO public.user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                             masked_device_id, app_version_name)
    VALUES (gen_random_uuid(), '2019-02-03', 1, 1, 'anna', 'd', 'ip', 'device', '0.0.1')
"""


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blockers, "LOCK_SECONDS", 1)
    monkeypatch.setattr(blockers, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(blockers, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(blockers, "PAUSE_SECONDS", 0.1)


@pytest.fixture
def site(database: Scratch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Operations as the owner."""
    for name, value in database.environment().items():
        monkeypatch.setenv(name, value)
    with closing(Site(lambda: "who", None)) as opened:
        yield opened


@pytest.fixture
def outsider(database: Scratch, request: pytest.FixtureRequest) -> Iterator[extensions.connection]:
    """A session of the role that the test names, which holds each table's strongest lock that it can have."""
    with closing(database.connect(request.param)) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        for text in ADVISORY:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (text,))
        for table, kind, _ in database.query(RELATIONS):
            for mode in STRONGEST_FIRST if kind == "TABLE" else ():
                cursor.execute("SAVEPOINT before")
                try:
                    cursor.execute(f"LOCK TABLE ONLY {table} IN {mode} MODE NOWAIT")
                except psycopg2.errors.InsufficientPrivilege:
                    cursor.execute("ROLLBACK TO before")
                else:
                    break
        cursor.execute("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'")
        assert cursor.fetchall() > [(2,)]
        yield connection


@pytest.mark.parametrize("outsider", ["analyst", "ingest"], indirect=True)
@pytest.mark.usefixtures("outsider", "short_waits")
def test_outsiders_keep_nobody_from_erasing(site: Site, database: Scratch) -> None:
    database.execute(LOGIN)
    assert forget(site, user_id="anna", reason="why", dry_run=False)["logins"] == 1
    unfold(site)
    assert upkeep(site, ahead=3)["made"] == 0


@pytest.mark.parametrize("outsider", ["analyst"], indirect=True)
@pytest.mark.usefixtures("outsider")
def test_outsiders_keep_nobody_from_migrating(database: Scratch) -> None:
    with closing(database.connect()) as connection:
        connection.autocommit = False
        assert migrate(connection) == []


def hold(database: Scratch, role: str) -> extensions.connection:
    """A session that reads and does not end its transaction."""
    connection = database.connect(role)
    with connection.cursor() as cursor:
        cursor.execute("SET application_name = 'a tool for charts'")
        connection.autocommit = False
        cursor.execute("SELECT count(*) AS hidden FROM public.user_logins")
    return connection


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("start", ["retention", "migrate"])
def test_session_that_blocks_is_named(site: Site, database: Scratch, start: str) -> None:
    database.execute("SELECT public.create_login_partitions('2019-02-01', 1)")

    def split() -> None:
        with closing(database.connect()) as connection:
            connection.autocommit = False
            migrate(connection, daily_partitions=True)

    runs: dict[str, Callable[[], object]] = {
        "retention": lambda: retention(site, months=3, ahead=3, reason="why", dry_run=False),
        "migrate": split,
    }
    with closing(hold(database, "analyst")) as reader:
        expected = f"session {reader.info.backend_pid} of the role analyst (a tool for charts)"
        with pytest.raises((LockedError, MigrationError), match=re.escape(expected)) as caught:
            runs[start]()
    assert "hidden" not in str(caught.value), "no text of a query"
    assert database.query("SELECT count(*) FROM audit.entries") == [(0,)]


@pytest.mark.usefixtures("short_waits")
def test_wait_that_ends_is_tried_again(site: Site, database: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    database.execute("SELECT public.create_login_partitions('2019-02-01', 1)")
    reader = hold(database, "analyst")
    # The pause before the second try. Only this module's: other threads sleep too.
    monkeypatch.setattr("ops.database.time", SimpleNamespace(sleep=lambda _: reader.close()))
    done = retention(site, months=3, ahead=3, reason="why", dry_run=False)
    assert done["dropped"] == [{"month": "2019-02", "logins": 0}]
