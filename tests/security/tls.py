"""Postgres behind TLS, with certificates of a private CA."""

import contextlib
import datetime
import os
import pwd
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.postgres import free_port

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
START_SECONDS = 30
CHUNK = 65_536


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A private CA."""

    def __init__(self, directory: Path, name: str) -> None:
        """Takes the directory for its files."""
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(self._name, self._name, self._key.public_key(), days=1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = directory / f"{name}.pem"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, *, days: int = 1) -> Identity:
        """An identity for a host name or an address; of the past with negative `days`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "postgres")])
        alternative: x509.GeneralName
        try:
            alternative = x509.IPAddress(ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host)
        certificate = (
            _builder(name, self._name, key.public_key(), days=days)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        identity = Identity(self._directory / f"{host}{days}.pem", self._directory / f"{host}{days}.key")
        identity.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        identity.key.touch(mode=0o600)
        identity.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return identity


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


class TlsFront:
    """TLS before a Postgres that was built without it, as RDS Proxy or PgBouncer end it before the server."""

    def __init__(self, upstream: int, identity: Identity) -> None:
        """Takes the port of Postgres on 127.0.0.1."""
        self.encrypted = 0  # connections
        self._upstream = upstream
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(identity.certificate, identity.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._clients: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for side in (self._listener, *self._clients):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _run(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="tls front")  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._run(self._serve, client)

    def _serve(self, plain: socket.socket) -> None:
        with plain, contextlib.suppress(OSError):
            if plain.recv(len(SSL_REQUEST), socket.MSG_WAITALL) != SSL_REQUEST:
                return  # TLS or nothing
            plain.sendall(b"S")
            with (
                self._context.wrap_socket(plain, server_side=True) as client,
                socket.create_connection(("127.0.0.1", self._upstream)) as server,
            ):
                self.encrypted += 1
                self._clients.append(client)
                if not self._lets_in(client, server):
                    return
                answers = threading.Thread(target=_pass_on, args=(server, client))
                answers.start()
                _pass_on(client, server)
                answers.join()

    def _lets_in(self, client: ssl.SSLSocket, server: socket.socket) -> bool:  # noqa: ARG002 (a front that asks does)
        """Whether the connection goes on to Postgres; here each one does."""
        return True


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def find_postgres_with_tls() -> Path | None:
    """The programs of a Postgres on this machine that was built with TLS; the one of the wheel is not."""
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
    """A server with `ssl = on` that takes no connection without it; a context manager."""

    user = "postgres"
    password = "not a secret"

    def __init__(self, programs: Path, directory: Path, identity: Identity) -> None:
        """Takes the programs of a Postgres with TLS, and an empty directory."""
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
