"""A program in a terminal of its own: what it shows, and keys that are pressed."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from types import TracebackType
from typing import Self

STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PATIENCE = 60  # seconds


class Terminal:
    """A context manager that ends the program if it has not ended by itself."""

    def __init__(self, command: list[str], environment: dict[str, str], columns: int = 60, rows: int = 24) -> None:
        self.shown = ""  # all of it, from the start on, without the sequences that steer a terminal
        self.raw = b""
        self._pid, self._file = pty.fork()
        if self._pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # A test run in the background ignores it.
            os.execve(command[0], command, environment)  # noqa: S606  the child's own program
        self.resize(columns, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)  # a hang-up for whatever is still there

    def resize(self, columns: int, rows: int) -> None:
        """Gives the window another size, of which the program gets a signal."""
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> int:
        """Types; returns where in `shown` begins what comes after that."""
        self._read(0)
        os.write(self._file, keys.encode())
        return len(self.shown)

    def kill(self, number: int) -> int:
        """Sends a signal; returns where in `shown` begins what comes after that."""
        self._read(0)
        os.kill(self._pid, number)
        return len(self.shown)

    def wait_for(self, text: str, start: int = 0) -> int:
        """Returns once `text` is shown after `start`, and where it ends; fails the test where it never is."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.shown.find(text, start)) < 0:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.shown[start:][-2000:]!r}"
            self._read(0.1)
        return found + len(text)

    def wait_for_end(self) -> int:
        """The exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(0.1):
            assert time.monotonic() < deadline, f"it goes on: {self.shown[-2000:]!r}"
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self, seconds: float) -> bool:
        """Reads what is there; False once the program has ended."""
        while select.select([self._file], [], [], seconds)[0]:
            try:
                data = os.read(self._file, 65_536)
            except OSError:  # as Linux says that nobody is at the other end
                return False
            if not data:
                return False
            self.raw += data
            self.shown = STEERING.sub("", self.raw.decode(errors="replace"))
            seconds = 0
        return True
