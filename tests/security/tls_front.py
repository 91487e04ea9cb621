"""TLS in front of a Postgres without it."""

import contextlib
import socket
import ssl
import struct
import threading
from typing import Self

from tests.security.certificates import Identity

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
CHUNK = 65_536


class TlsFront:
    """Ends TLS before a Postgres that was built without it, as RDS Proxy and PgBouncer do."""

    def __init__(self, upstream: int, identity: Identity) -> None:
        """Take the port of Postgres on 127.0.0.1 and the certificate to show."""
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
                return  # it takes no connection without TLS
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

    def _lets_in(self, client: ssl.SSLSocket, server: socket.socket) -> bool:  # noqa: ARG002 a subclass uses them
        """Return whether to connect to Postgres; a subclass may refuse."""
        return True


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
