"""One connection through the proxy: passes messages on, and breaks where a rule says so.

Frontend messages: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

from tests.chaos.steps import Cut, Event, Step

if TYPE_CHECKING:
    from tests.chaos.proxy import PostgresProxy

CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST in place of FIN


class Link:
    """One connection of the function and the one behind it."""

    def __init__(self, proxy: "PostgresProxy", client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self.is_silent = self._orphan = self._swallow = self._forgotten = False
        self._in_data = False
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self) -> None:
        for pump in (self._pump_requests, self._pump_answers):
            threading.Thread(target=pump, name="proxy link", daemon=True).start()

    def close(self) -> None:
        for side in (self._client, self._server):
            reset(side)
        self._proxy.drop(self)

    def forget(self) -> None:
        self._forgotten = True
        reset(self._server)

    def _pump_requests(self) -> None:
        buffer = b""
        typed = False  # the first message has no type
        with contextlib.suppress(OSError):
            while data := self._client.recv(CHUNK):
                if self._forgotten:
                    break
                buffer += data
                while (size := _message_size(buffer, typed=typed)) and len(buffer) >= size:
                    message, buffer = buffer[:size], buffer[size:]
                    if not self._pass_on(message, self._step(message) if typed else Step.STARTUP):
                        self.close()
                        return
                    typed = True
        if self.is_silent:
            self._proxy.note(Event.GIVEN_UP)
        if not self._orphan:
            self.close()

    def _step(self, message: bytes) -> Step | None:
        kind = message[:1]
        first_data = kind == b"d" and not self._in_data
        self._in_data = kind == b"d"
        if kind == b"Q":
            return {b"BEGIN": Step.BEGIN, b"COPY": Step.COPY, b"COMMIT": Step.COMMIT}.get(message[5:-1].split(b" ")[0])
        return Step.DATA if first_data else {b"c": Step.DATA_END, b"X": Step.TERMINATE}.get(kind)

    def _pass_on(self, message: bytes, step: Step | None) -> bool:
        """Sends the message to Postgres; returns whether the connection goes on."""
        rule = self._proxy.strike(step) if step is not None else None
        if rule is None:
            self._send(self._server, message)
            return True
        rule.call()
        if rule.cut is Cut.BEFORE:
            return False
        self.is_silent = rule.cut in {Cut.SILENCE, Cut.ORPHAN}
        self._orphan = rule.cut is Cut.ORPHAN
        self._swallow = rule.cut in {Cut.ANSWERED, Cut.AFTER}
        self._send(self._server, message[: len(message) // 2] if rule.cut is Cut.HALF else message)
        if rule.cut is Cut.AFTER:
            # FIN, not RST, to Postgres: a reset could throw away the message before it is read.
            with contextlib.suppress(OSError):
                self._server.shutdown(socket.SHUT_WR)
            reset(self._client)
        return rule.cut is not Cut.HALF

    def _pump_answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(CHUNK):
                if self._swallow:
                    break
                if self._proxy.latency:
                    self._proxy.note(Event.DELAYED)
                    time.sleep(self._proxy.latency)
                self._send(self._client, data)
        if not self._forgotten and not self.is_silent:
            self.close()

    def _send(self, side: socket.socket, data: bytes) -> None:
        if self.is_silent:
            return
        if not self._proxy.one_byte:
            side.sendall(data)
            return
        for index in range(len(data)):
            side.sendall(data[index : index + 1])
        self._proxy.note(Event.IN_BYTES)


def _message_size(buffer: bytes, *, typed: bool) -> int:
    """Bytes of the first message in the buffer, or 0 where its length has not come yet."""
    start = 1 if typed else 0
    if len(buffer) < start + 4:
        return 0
    length: int = struct.unpack_from("!i", buffer, start)[0]
    return start + length


def reset(side: socket.socket) -> None:
    """Closes a socket with RST."""
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
    side.close()
