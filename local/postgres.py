"""A private PostgreSQL server that can be started, stopped, killed and restarted."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Literal, Self

import psutil

from local.errors import LocalStackError
from local.interruption import uninterrupted
from local.postgres_files import DEFAULT_SETTINGS, create_data_directory, write_settings
from local.postgres_programs import start_program

START_SECONDS = 60
STOP_SECONDS = 30

_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class PostgresServer:
    """A server on 127.0.0.1 that keeps all its files in one directory. The directory stays after a stop.

    `start()` uses the data of an existing directory, and adopts a server that already runs there. The superuser is
    `postgres` with a random password; authentication is scram-sha-256. PostgreSQL refuses to run as root. So root
    starts it as `nobody`, and gives each parent directory the permission that `nobody` needs to enter it (o+x).
    """

    user = "postgres"
    host = "127.0.0.1"

    def __init__(self, directory: Path, settings: dict[str, str] | None = None, port: int | None = None) -> None:
        """Take a directory, settings of postgresql.conf and a port (None: the first start takes a free one)."""
        self.directory = directory.resolve()
        self.data = self.directory / "data"
        self.log_path = self.directory / "postgres.log"
        self._password_path = self.directory / "password"
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._port = port
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The port. Raises LocalStackError before the first start, if the caller gave none."""
        if self._port is None:
            raise LocalStackError("the port of a Postgres server is known once it was started: call start() first")
        return self._port

    @property
    def password(self) -> str:
        """The superuser's password."""
        return self._password_path.read_text(encoding="utf-8")

    @property
    def pid(self) -> int | None:
        """Process id of the running postmaster, even if another process started it; None if none runs."""
        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])
            process = psutil.Process(pid)
            # After a kill, the pid file may name another program's process.
            is_ours = process.status() != psutil.STATUS_ZOMBIE and str(self.data) in process.cmdline()
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        return pid if is_ours else None

    def environment(self, database: str, user: str | None = None, password: str | None = None) -> dict[str, str]:
        """Return libpq's PG* variables for a connection, as the superuser unless another user is given."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": database,
            "PGUSER": user or self.user,
            "PGPASSWORD": password or self.password,
            "PGSSLMODE": "disable",
        }

    def start(self) -> Self:
        """Start the server and wait until it takes connections. Raises LocalStackError if it does not."""
        if not (self.data / "PG_VERSION").exists():
            create_data_directory(self.data, self._password_path, self.user, self.log_path)
        elif self.pid is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        if self.pid is None:
            if self._child is not None:
                self._child.wait()  # another process killed it
            self._port = self._port or free_port()
            write_settings(self.data, {**self._settings, "port": str(self._port)})
            with uninterrupted():
                self._child = self._launch()
        self._wait_until_ready()
        return self

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop the server, even if another process started it, and wait for its end."""
        self._end(_SIGNALS[mode])

    def kill(self) -> None:
        """Kill the postmaster, as a crash would. `start()` recovers the data."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _launch(self) -> subprocess.Popen[bytes]:
        return start_program("postgres", "-D", str(self.data), directory=self.data, log_path=self.log_path)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.pid is None and (self._child is None or self._child.poll() is not None):
                # Backends of a killed postmaster keep its shared memory a moment longer. Then a new start helps.
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
