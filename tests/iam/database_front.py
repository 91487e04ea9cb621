"""A TLS server in front of Postgres. As RDS does, it checks the IAM token and decides on `rds-db:connect`.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
"""

import socket
import ssl
import struct
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from tests.iam.account import Account
from tests.iam.callers import Caller
from tests.iam.calls import log_in
from tests.iam.journal import Journal
from tests.security.certificates import Identity
from tests.security.tls_front import TlsFront

ASK_FOR_PASSWORD = struct.pack("!cii", b"R", 8, 3)


class DatabaseFront(TlsFront):
    """Asks for the token. The Postgres behind it accepts every connection from this server."""

    def __init__(
        self, upstream: int, identity: Identity, account: Account, callers: Mapping[str, Caller], journal: Journal
    ) -> None:
        """Takes the port of Postgres on 127.0.0.1, and the callers by access key."""
        super().__init__(upstream, identity)
        self._account, self._callers, self._journal = account, callers, journal
        self.resource_id = ""  # of the database or proxy that this server replaces

    def _lets_in(self, client: ssl.SSLSocket, server: socket.socket) -> bool:
        startup = _read(client)
        words = startup[8:].split(b"\0")
        user = dict(zip(words[::2], words[1::2], strict=False))[b"user"].decode()
        client.sendall(ASK_FOR_PASSWORD)
        _exactly(client, 1)  # the type of the message
        if not self._permits(user, _read(client)[4:-1].decode()):
            client.sendall(_error(f'PAM authentication failed for user "{user}"'))
            return False
        server.sendall(startup)
        return True

    def _permits(self, user: str, token: str) -> bool:
        parts = parse_qs(urlsplit(f"https://{token}").query)
        caller = self._callers.get(parts["X-Amz-Credential"][0].split("/")[0])
        if caller is None or parts["DBUser"] != [user]:
            return False
        return self._journal.decide(self._account, caller, log_in(self.resource_id, user)).allowed


def _read(side: ssl.SSLSocket) -> bytes:
    """Reads a message; returns it with its length field."""
    length = _exactly(side, 4)
    return length + _exactly(side, struct.unpack("!i", length)[0] - 4)


def _exactly(side: ssl.SSLSocket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = side.recv(count - len(found))
        if not more:
            raise ConnectionResetError
        found += more
    return found


def _error(message: str) -> bytes:
    fields = f"SFATAL\0VFATAL\0C28000\0M{message}\0\0".encode()
    return b"E" + struct.pack("!i", len(fields) + 4) + fields
