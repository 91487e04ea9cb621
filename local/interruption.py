"""Ctrl-C and its like: the first one ends the command in order, and none cuts the start of a server in two."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Hold:
    """How many blocks hold an interruption back, and whether one has come."""

    depth = 0
    has_come = False


def catch_signals() -> None:
    """Makes the first signal a KeyboardInterrupt; further ones must not break off the clearing up."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def ignore_signals() -> None:
    """Lets the little that is left of a command go on: what it was for is done, and stays."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Holds the KeyboardInterrupt back until the end of the block.

    Only the main thread gets one. Signals are not blocked: a program started here would inherit that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _Hold.depth += 1
    try:
        yield
    finally:
        _Hold.depth -= 1
        if _Hold.has_come and _Hold.depth == 0:
            _Hold.has_come = False
            raise KeyboardInterrupt


def _interrupt(_number: int, _frame: object) -> None:
    ignore_signals()
    if _Hold.depth:
        _Hold.has_come = True
    else:
        raise KeyboardInterrupt
