"""The function and its TLS to Postgres: verify-full against a private CA, and everything less refused."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from lambda_src import handler
from lambda_src.errors import SettingsError, SetupError
from lambda_src.migrate import migrate
from tests.function import Function
from tests.scratch import Scratch
from tests.security.certificates import Authority
from tests.security.tls_front import TlsFront
from tests.security.tls_postgres import TlsPostgres, find_postgres_with_tls
from tests.support import make_records

HOST = "localhost"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture
def front(database: Scratch, authority: Authority) -> Iterator[TlsFront]:
    with TlsFront(database.server.port, authority.issue(HOST)) as started:
        yield started


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch, function: Function, authority: Authority) -> pytest.MonkeyPatch:
    """The function's environment, set to trust nobody but `authority`."""
    monkeypatch.setenv("PGHOST", HOST)
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(authority.certificate))
    function.restart()
    return monkeypatch


def test_server_that_is_who_it_says(
    trust: pytest.MonkeyPatch, function: Function, database: Scratch, front: TlsFront
) -> None:
    trust.setenv("PGPORT", str(front.port))
    assert function(*make_records(5)) == []
    assert database.count() == 5
    assert front.encrypted == 1


def assert_refused(function: Function, database: Scratch, words: str) -> None:
    """The function raises, with nothing written and nothing of a record said."""
    with pytest.raises(SetupError, match=words):
        function(*make_records(1))
    assert database.count() == 0


def test_server_of_another_name(
    trust: pytest.MonkeyPatch, function: Function, database: Scratch, authority: Authority
) -> None:
    with TlsFront(database.server.port, authority.issue("db.example.com")) as front:
        trust.setenv("PGPORT", str(front.port))
        assert_refused(function, database, 'certificate for "db.example.com".* does not match host name "localhost"')


def test_server_of_another_authority(
    trust: pytest.MonkeyPatch, function: Function, database: Scratch, stranger: Authority
) -> None:
    with TlsFront(database.server.port, stranger.issue(HOST)) as front:
        trust.setenv("PGPORT", str(front.port))
        assert_refused(function, database, "certificate verify failed")


def test_server_whose_certificate_has_expired(
    trust: pytest.MonkeyPatch, function: Function, database: Scratch, authority: Authority
) -> None:
    with TlsFront(database.server.port, authority.issue(HOST, days=-1)) as front:
        trust.setenv("PGPORT", str(front.port))
        assert_refused(function, database, "certificate verify failed")


@pytest.mark.usefixtures("trust")
def test_server_without_tls(function: Function, database: Scratch) -> None:
    assert_refused(function, database, "does not support SSL")


def test_authority_that_is_no_file(trust: pytest.MonkeyPatch, function: Function, tmp_path: Path) -> None:
    trust.setenv("PGSSLROOTCERT", str(tmp_path / "nowhere.pem"))
    with pytest.raises(SettingsError, match="PGSSLROOTCERT"):
        function(*make_records(1))


def test_postgres_that_ends_tls_itself(
    trust: pytest.MonkeyPatch, function: Function, authority: Authority, tmp_path: Path
) -> None:
    programs = find_postgres_with_tls()
    if programs is None:
        pytest.skip(
            "no PostgreSQL with TLS here (that of the wheel has none): install postgresql with the system's tool"
        )
    with TlsPostgres(programs, tmp_path, authority.issue(HOST)) as server:
        for name, value in {
            "PGPORT": str(server.port),
            "PGUSER": server.user,
            "PGPASSWORD": server.password,
            "PGDATABASE": "postgres",
        }.items():
            trust.setenv(name, value)
        owner: dict[str, Any] = {"host": HOST, "port": server.port, "user": server.user, "password": server.password}
        with pytest.raises(psycopg2.OperationalError, match="no encryption"):
            psycopg2.connect(**owner, dbname="postgres", sslmode="disable")
        with closing(psycopg2.connect(**owner, dbname="postgres", sslmode="require")) as connection:
            migrate(connection)
            assert function(*make_records(5)) == []
            with connection, connection.cursor() as cursor:
                cursor.execute(
                    "SELECT version, (SELECT count(*) FROM user_logins) FROM pg_stat_ssl "
                    "JOIN pg_stat_activity USING (pid) WHERE application_name = 'login-pipeline'"
                )
                assert cursor.fetchall() == [("TLSv1.3", 5)]
        handler.get_resources().database.close()
