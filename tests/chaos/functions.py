"""Three functions in AWS's runtime emulator, with different time-outs, batch sizes and time zones."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from local.errors import FunctionError
from local.runtime import EmulatedFunction
from ops.sqs_event import failed_messages
from tests.chaos.ledger import Ledger
from tests.chaos.logs import read_from

DRAIN_SECONDS = 90  # for everything under way to be written

Record = dict[str, Any]


class Configuration(NamedTuple):
    """How one function differs from the others."""

    timeout: int  # seconds
    batch_size: int
    time_zone: str


FUNCTIONS = (
    Configuration(6, 10, "UTC"),
    Configuration(6, 100, "Pacific/Kiritimati"),
    Configuration(12, 1000, "America/Los_Angeles"),
)


class Functions:
    """The functions, by their index in FUNCTIONS. `locks` holds one lock each: a function does one batch at a time."""

    def __init__(self, directory: Path, ledger: Ledger) -> None:
        """Take the directory for the logs, and the ledger, which learns of each delivery."""
        self.timeouts = 0  # invocations that the emulator ended because they took too long
        self.crashes = 0  # invocations during which the runtime died
        self.locks = [threading.Lock() for _ in FUNCTIONS]
        self._directory = directory
        self._ledger = ledger
        self._functions: list[EmulatedFunction] = []
        self._marks: list[int] = []
        self._counting = threading.Lock()

    def start(self, environment: dict[str, str]) -> None:
        """Start the next function with these variables and those of its configuration."""
        index = len(self._functions)
        directory = self._directory / f"function-{index}"
        directory.mkdir()
        own = {"AWS_LAMBDA_FUNCTION_TIMEOUT": str(FUNCTIONS[index].timeout), "TZ": FUNCTIONS[index].time_zone}
        function = EmulatedFunction({**environment, **own}, directory, "tests.chaos.function.lambda_handler")
        self._functions.append(function)
        function.start()

    def stop(self) -> None:
        """Stop all functions."""
        for function in self._functions:
            function.stop()

    def invoke(self, index: int, records: Sequence[Record]) -> object:
        """Deliver one batch to a function and return its response. Raises what EmulatedFunction.invoke raises."""
        self._ledger.record_delivered(records)
        with self.locks[index]:
            try:
                return self._functions[index].invoke({"Records": list(records)})
            except FunctionError as error:
                with self._counting:
                    self.timeouts += "in time" in str(error)
                    self.crashes += "ExitError" in str(error)
                raise

    def deliver(self, index: int, records: Sequence[Record]) -> None:
        """Deliver records to a function as a queue would: it gets what failed again, until nothing fails."""
        left = list(records)
        deadline = time.monotonic() + DRAIN_SECONDS
        while left and time.monotonic() < deadline:
            try:
                failed = failed_messages(self.invoke(index, left), [record["messageId"] for record in left])
            except (FunctionError, OSError):
                time.sleep(0.2)
                continue
            left = [record for record in left if record["messageId"] in failed]

    def is_idle(self) -> bool:
        """Return whether no function has a batch."""
        return not any(lock.locked() for lock in self.locks)

    def processes(self) -> list[psutil.Process]:
        """Return the processes of the functions that run now."""
        found = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.cmdline()[:3] == [sys.executable, "-m", "awslambdaric"]:
                    found.append(process)
        return found

    def kill(self, processes: Sequence[psutil.Process] | None = None) -> int:
        """Send SIGKILL to these processes, or to all; return how many processes got it."""
        count = 0
        for process in self.processes() if processes is None else processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
                count += 1
        return count

    def mark_logs(self) -> None:
        """Make `count_in_logs` count from here on."""
        self._marks = [function.log_path.stat().st_size for function in self._functions]

    def count_in_logs(self, text: str) -> int:
        """Return how often the functions' logs contain `text` after the mark."""
        count = 0
        for function, mark in zip(self._functions, self._marks, strict=True):
            count += read_from(function.log_path, mark).count(text)
        return count
