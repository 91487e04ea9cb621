"""A TCP proxy before Postgres that knows the steps of a write, and fails at the one it is told to."""

import contextlib
import socket
import threading
from collections import Counter
from typing import Self

from tests.chaos.link import Link, reset
from tests.chaos.steps import Cut, Event, Rule, Step

__all__ = ["Cut", "Event", "PostgresProxy", "Rule", "Step"]


class PostgresProxy:
    """Listens on a free port of 127.0.0.1 and passes on to `upstream`, a port that may change at any time."""

    def __init__(self, upstream: int) -> None:
        """Takes the port of Postgres on 127.0.0.1."""
        self.upstream = upstream
        self.latency = 0.0  # seconds that each message of Postgres takes
        self.one_byte = False
        self._counts: Counter[Event] = Counter()
        self._lock = threading.Lock()
        self._rule: Rule | None = None
        self._links: set[Link] = set()
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

    def note(self, event: Event) -> None:
        """Counts what has happened to a connection."""
        with self._lock:
            self._counts[event] += 1

    def count(self, event: Event) -> int:
        """How often that has happened."""
        with self._lock:
            return self._counts[event]

    def drop(self, link: "Link") -> None:
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
                reset(client)
                continue
            link = Link(self, client, server)
            with self._lock:
                self._links.add(link)
            link.start()
