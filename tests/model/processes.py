"""What separates processes that are threads here: their output, their clock, and locks that they must not share."""

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
    """Within the block, what this thread prints goes to the two texts: output and errors."""
    running.output, running.errors = output, errors = io.StringIO(), io.StringIO()
    try:
        yield output, errors
    finally:
        running.output = running.errors = None


@contextmanager
def silence() -> Iterator[None]:
    """Within the block, a thread's output goes where `captured` says, or nowhere."""
    with mock.patch.object(sys, "stdout", _Output("output")), mock.patch.object(sys, "stderr", _Output("errors")):
        yield


@contextmanager
def operators_clock() -> Iterator[None]:
    """Within the block, the operator's code has a clock of its own."""
    modules = [module for name, module in sys.modules.items() if name.startswith("ops.")]
    telling = [module for module in modules if getattr(module, "datetime", None) is datetime]
    for module in telling:
        module.datetime = _OperatorsTime  # type: ignore[attr-defined]
    yield
    for module in telling:
        module.datetime = datetime  # type: ignore[attr-defined]


def unlock_properties() -> None:
    """Before Python 3.12, a cached_property keeps other threads waiting: two processes never do that."""
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
