"""Reads single key presses if standard input is a terminal."""

import select
import sys
import time
from types import TracebackType
from typing import Any, Self

try:
    import termios
    import tty
except ImportError:  # Windows: Ctrl-C is the only key
    termios = tty = None  # type: ignore[assignment]


class Keys:
    """A context manager: inside it, keys arrive at once and are not echoed. Ctrl-C works as usual."""

    def __init__(self) -> None:
        self._settings: list[Any] | None = None

    @property
    def are_there(self) -> bool:
        """Returns whether keys can be read."""
        return self._settings is not None

    def __enter__(self) -> Self:
        if termios is not None and sys.stdin.isatty():
            self._settings = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._settings is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._settings)
            self._settings = None

    def wait(self, seconds: float) -> str:
        """Returns the key that is pressed within the given seconds, in lower case; an empty text if none is."""
        if self._settings is None:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return sys.stdin.read(1).lower() if ready else ""
