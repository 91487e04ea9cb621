"""Separates threads that stand for processes: their output, their clock, and locks that processes do not share."""

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from unittest import mock

running = threading.local()  # what the step of this thread works with
OPERATORS_CLOCK = {"offset": timedelta()}  # from the server's clock


@contextmanager
def captured() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Redirects what this thread prints during the block to two texts: output and errors."""
    running.output, running.errors = output, errors = io.StringIO(), io.StringIO()
    try:
        yield output, errors
    finally:
        running.output = running.errors = None


@contextmanager
def silence() -> Iterator[None]:
    """Sends each thread's output to its captured texts during the block, or discards it."""
    with mock.patch.object(sys, "stdout", _Output("output")), mock.patch.object(sys, "stderr", _Output("errors")):
        yield


@contextmanager
def operators_clock() -> Iterator[None]:
    """Gives the operator's code its own clock during the block."""
    modules = [module for name, module in sys.modules.items() if name.startswith("ops.")]
    telling = [module for module in modules if getattr(module, "datetime", None) is datetime]
    for module in telling:
        module.datetime = _OperatorsTime  # type: ignore[attr-defined]
    yield
    for module in telling:
        module.datetime = datetime  # type: ignore[attr-defined]


def unlock_properties() -> None:
    """A cached_property without a lock. Before Python 3.12 its lock blocks other threads, unlike separate processes."""
    modules = [module for name, module in sys.modules.items() if name.startswith(("ops.", "lambda_src."))]
    for kind in {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}:
        for member in vars(kind).values():
            if isinstance(member, cached_property) and hasattr(member, "lock"):
                member.lock = nullcontext()


class _Output(io.StringIO):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def write(self, text: str) -> int:
        output = getattr(running, self._name, None)
        return output.write(text) if output is not None else len(text)


class _OperatorsTime(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + OPERATORS_CLOCK["offset"]
