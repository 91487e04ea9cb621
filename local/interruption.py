"""Handles Ctrl-C and SIGTERM: the first ends the command cleanly. None interrupts the start of a server."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Hold:
    """The number of blocks that delay an interruption, and whether one has arrived."""

    depth = 0
    has_come = False


def catch_signals() -> None:
    """Turns the first signal into a KeyboardInterrupt. Further signals must not interrupt the clean-up."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def ignore_signals() -> None:
    """Ignores interruptions for the rest of a command, because its work is done and stays."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delays the KeyboardInterrupt until the end of the block.

    Only the main thread gets one. Signals are not blocked, because a program started here would inherit the mask.
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
