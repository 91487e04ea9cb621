"""Cancels a write that cannot finish before the invocation ends."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg2
from psycopg2 import extensions

TICK_SECONDS = 0.2


class Watchdog:
    """A thread that breaks a connection when its time is up. Nothing else ends a call in which libpq waits.

    It reads the clock five times a second. A watched write therefore needs two assignments and no wake-up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: tuple[extensions.connection, float] | None = None
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, connection: extensions.connection, give_up_at: float) -> Iterator[None]:
        """Breaks `connection` if time.monotonic() reaches `give_up_at` within the block."""
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            thread.start()  # If start() raises, the next write tries again.
            self._thread = thread
        with self._lock:
            self._watched = (connection, give_up_at)
        try:
            yield
        finally:
            with self._lock:
                self._watched = None

    def _watch(self) -> None:
        while True:
            time.sleep(TICK_SECONDS)
            with self._lock:
                if self._watched is not None and time.monotonic() >= self._watched[1]:
                    _break(self._watched[0])
                    self._watched = None


def _break(connection: extensions.connection) -> None:
    # dup() is needed: closing the socket object must not close libpq's own descriptor.
    with suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)
