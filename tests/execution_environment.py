"""The function in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.integration.runtime import END
from tests.support import ROOT, Record


class ExecutionEnvironment:
    """A process that runs the function. `printed` is its standard output without the answers."""

    def __init__(self, variables: dict[str, str], root: Path = ROOT) -> None:
        """Take the function's environment variables, and the root of its source tree."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.runtime"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=root,
            env={"PATH": os.environ["PATH"], **variables},
            text=True,
        )
        self.printed = ""

    def send(self, *records: Record) -> None:
        """Start an invocation with one batch."""
        self.send_event({"Records": list(records)})

    def send_event(self, event: Any) -> None:
        """Start an invocation with any event."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Wait for the answer: `response` or `error`, and `peak_kib`."""
        assert self._process.stdout is not None
        lines: list[str] = []
        for line in self._process.stdout:
            if line.rstrip() == END:
                answer: dict[str, Any] = json.loads(lines[-1])
                return answer
            lines.append(line)
            self.printed += line
        raise AssertionError(f"the process has ended: {self.read_errors()}")

    def invoke(self, *records: Record) -> dict[str, Any]:
        """Invoke it with one batch and wait for the answer."""
        self.send(*records)
        return self.receive()

    def read_errors(self) -> str:
        """Return its standard error."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._errors.close()
