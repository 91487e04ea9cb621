"""Runs the function behind a real PgBouncer, with pool modes that work and set-ups that must be refused."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lambda_src.errors import SetupError
from local.postgres import free_port
from tests.e2e.conftest import wait_until
from tests.function import Function
from tests.integration.batches import ids, make_refusable, refuse
from tests.scratch import Scratch
from tests.support import make_record, make_records

PATH = os.pathsep.join((os.environ["PATH"], "/usr/sbin"))  # Debian keeps it there
NOBODY = 65534

Start = Callable[[str], int]


@pytest.fixture
def start(database: Scratch) -> Iterator[Start]:
    """Starts PgBouncer before the database, in a pool mode, with one connection to the server; returns its port."""
    program = shutil.which("pgbouncer", path=PATH)
    assert program, "install PgBouncer: apt-get install pgbouncer"
    with tempfile.TemporaryDirectory() as directory:
        started: list[subprocess.Popen[bytes]] = []

        def run(mode: str) -> int:
            port, home = free_port(), Path(directory)
            password = database.environment("ingest")["PGPASSWORD"]
            (home / "users").write_text(f'"ingest" "{password}"\n')
            (home / "ini").write_text(
                f"""[databases]
{database.name} = host=127.0.0.1 port={database.server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {home}/users
logfile = {home}/log
pool_mode = {mode}
default_pool_size = 1
"""
            )
            command = [program, str(home / "ini")]
            if os.getuid() == 0:  # PgBouncer does not run as root
                for path in (home, *home.iterdir()):
                    os.chown(path, NOBODY, NOBODY)
                command[1:1] = ["-u", "nobody"]
            started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
            wait_until(lambda: (home / "log").exists() and "process up" in (home / "log").read_text())
            return port

        yield run
        for process in started:
            process.terminate()
            process.wait()


@pytest.fixture
def behind(start: Start, function: Function, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Function]:
    """Returns the function behind PgBouncer in a pool mode."""

    def connect(mode: str) -> Function:
        monkeypatch.setenv("PGPORT", str(start(mode)))
        monkeypatch.setenv("PGHOST", "127.0.0.1")
        return function

    return connect


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_mode_works_on_every_path(behind: Callable[[str], Function], database: Scratch, mode: str) -> None:
    function = behind(mode)
    records = make_records(300)
    bad = make_record("{")
    assert function(*records[:5]) == []
    assert function(*records, bad) == ids([bad])  # some rows are there already
    refuse(database)
    good, refused = make_refusable(30, {3})
    assert sorted(function(*good, *refused)) == sorted(ids(refused))  # in pieces
    for _ in range(2):  # Another execution environment gets the connection that this one no longer uses.
        function.restart()
        assert function(*records) == []
    assert database.count() == 300 + len(good)
    assert database.rows("reason", "rejected_logins") == [("database",), ("invalid_json",)]


def test_statement_mode_is_refused_before_anything_is_written(
    behind: Callable[[str], Function], database: Scratch
) -> None:
    function = behind("statement")
    for records in (make_records(1), make_records(300)):
        with pytest.raises(SetupError, match="statement mode"):
            function(*records)
    assert database.count() == 0


@pytest.mark.parametrize("name", ["PGDATABASE", "PGUSER", "PGPASSWORD"])
def test_wrong_name_or_password_needs_somebody_to_act(
    behind: Callable[[str], Function], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    function = behind("transaction")
    monkeypatch.setenv(name, "wrong")
    with pytest.raises(SetupError, match="No connection to Postgres"):
        function(make_record())
