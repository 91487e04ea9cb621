"""A TCP proxy before Postgres that knows the steps of a write, and fails at the one it is told to.

Frontend messages: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST in place of FIN


class Step(Enum):
    """A message of the function, as it arrives here."""

    STARTUP = auto()  # the first message of a connection
    BEGIN = auto()
    COPY = auto()
    DATA = auto()  # the first CopyData of a COPY
    DATA_END = auto()  # CopyDone
    COMMIT = auto()
    TERMINATE = auto()


class Cut(Enum):
    """What happens to the connection at a step."""

    BEFORE = auto()  # reset; Postgres never sees the message
    HALF = auto()  # Postgres gets half of the message, then both sides are reset
    AFTER = auto()  # Postgres gets the message, the function is reset at once
    ANSWERED = auto()  # Postgres gets the message and answers; the function is reset in place of the answer
    SILENCE = auto()  # nothing is passed on any more, in either direction, until the function gives up
    ORPHAN = auto()  # the same, and Postgres does not even learn that the function has given up
    NOTHING = auto()  # passed on; for what `call` does


@dataclass
class Rule:
    """Do `cut` at the next `times` arrivals of `step`; `call` is called just before."""

    step: Step
    cut: Cut
    times: int = 1
    call: Callable[[], object] = lambda: None
    fired: int = 0


class PostgresProxy:
    """Listens on a free port of 127.0.0.1 and passes on to `upstream`, a port that may change at any time."""

    def __init__(self, upstream: int) -> None:
        """Takes the port of Postgres on 127.0.0.1."""
        self.upstream = upstream
        self.latency = 0.0  # seconds that each message of Postgres takes
        self.one_byte = False
        self.messages_in_bytes = 0
        self.messages_delayed = 0
        self.given_up = 0  # silent connections that the function has closed
        self._lock = threading.Lock()
        self._rule: Rule | None = None
        self._links: set[_Link] = set()
        self._listener: socket.socket | None = None
        self.port = 0

    def start(self) -> Self:
        """Takes connections, on the same port as before if there was one."""
        self._listener = listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), name="proxy", daemon=True).start()
        return self

    def refuse(self) -> None:
        """Resets all connections and refuses new ones until `start` is called."""
        if self._listener is not None:
            # A thread that waits in accept() holds on to the socket until it is shut down.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.reset()

    def reset(self) -> int:
        """Resets all connections; returns how many there were."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.close()
        return len(links)

    def forget(self) -> int:
        """Ends the connections on Postgres' side only: the function finds out at its next write. Returns how many."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.forget()
        return len(links)

    def end_silence(self) -> None:
        """Closes what was left open on purpose."""
        with self._lock:
            links = [link for link in self._links if link.is_silent]
        for link in links:
            link.close()

    def arm(self, rule: Rule | None) -> None:
        """Puts a rule into force in place of the one before."""
        with self._lock:
            self._rule = rule

    def strike(self, step: Step) -> Rule | None:
        """The rule for a step that has just come, counted as fired."""
        with self._lock:
            rule = self._rule
            if rule is None or rule.step is not step or rule.fired >= rule.times:
                return None
            rule.fired += 1
            return rule

    def drop(self, link: "_Link") -> None:
        """A connection has ended."""
        with self._lock:
            self._links.discard(link)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                _reset(client)
                continue
            link = _Link(self, client, server)
            with self._lock:
                self._links.add(link)
            link.start()


class _Link:
    """One connection of the function and the one behind it."""

    def __init__(self, proxy: PostgresProxy, client: socket.socket, server: socket.socket) -> None:
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
            _reset(side)
        self._proxy.drop(self)

    def forget(self) -> None:
        self._forgotten = True
        _reset(self._server)

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
        self._proxy.given_up += self.is_silent
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
            _reset(self._client)
        return rule.cut is not Cut.HALF

    def _pump_answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(CHUNK):
                if self._swallow:
                    break
                if self._proxy.latency:
                    self._proxy.messages_delayed += 1
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
        self._proxy.messages_in_bytes += 1


def _message_size(buffer: bytes, *, typed: bool) -> int:
    """Bytes of the first message in the buffer, or 0 where its length has not come yet."""
    start = 1 if typed else 0
    if len(buffer) < start + 4:
        return 0
    length: int = struct.unpack_from("!i", buffer, start)[0]
    return start + length


def _reset(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
    side.close()
