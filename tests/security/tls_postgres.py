"""A Postgres with TLS, from this machine: the one of the wheel has none."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from local.postgres import free_port
from tests.security.certificates import Identity

START_SECONDS = 30


def find_postgres_with_tls() -> Path | None:
    """Return the directory with the programs of a Postgres on this machine that was built with TLS, if any."""
    found = shutil.which("postgres")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        config = place / "pg_config"
        if config.exists() and (place / "initdb").exists():
            options = subprocess.run([config, "--configure"], capture_output=True, text=True, check=False).stdout
            if "--with-openssl" in options or "--with-ssl" in options:
                return place
    return None


class TlsPostgres:
    """A server that takes connections with TLS only; a context manager."""

    user = "postgres"
    password = "not a secret"

    def __init__(self, programs: Path, directory: Path, identity: Identity) -> None:
        """Take the programs of a Postgres with TLS, an empty directory and the certificate to show."""
        self.port = free_port()
        self._programs, self._data, self._identity = programs, directory / "data", identity
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    def __enter__(self) -> Self:
        self._data.mkdir(mode=0o700)
        files = [self._data]
        password = self._data.parent / "password"
        password.write_text(self.password)
        for path, name in ((self._identity.certificate, "server.crt"), (self._identity.key, "server.key")):
            files.append(Path(shutil.copy(path, self._data.parent / name)))
            files[-1].chmod(0o600)
        for path in (*files, password) if self._account else ():
            os.chown(path, self._account.pw_uid, self._account.pw_gid)  # type: ignore[union-attr]
        for parent in self._data.parents if self._account else ():
            with contextlib.suppress(PermissionError):
                parent.chmod(parent.stat().st_mode | 0o001)
        options = ["-E", "UTF8", "--locale=C", "-A", "scram-sha-256", "-U", self.user, f"--pwfile={password}", "-N"]
        self._start([str(self._programs / "initdb"), "-D", str(self._data), *options]).wait()
        (self._data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "ssl": "on",
            "ssl_cert_file": files[1],
            "ssl_key_file": files[2],
            "fsync": "off",
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._server = self._start([str(self._programs / "postgres"), "-D", str(self._data), *arguments])
        deadline = time.monotonic() + START_SECONDS
        while not self._listens():
            if time.monotonic() > deadline or self._server.poll() is not None:
                raise RuntimeError("Postgres with TLS did not start; " + self._log.read_text())
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.send_signal(3)  # immediate shutdown
        self._server.wait()

    @property
    def _log(self) -> Path:
        return self._data.parent / "postgres.log"

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pid_file = self._data / "postmaster.pid"
            return pid_file.read_text().splitlines()[-1].strip() == "ready"
        return False

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._data,
                user=self._account.pw_uid if self._account else None,
                group=self._account.pw_gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
