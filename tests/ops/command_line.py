"""`loginpipe` as a test calls it."""

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from ops.cli import main
from tests.support import ROOT


@dataclass
class Finished:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON that it printed."""
        return json.loads(self.out)


@dataclass
class CommandLine:
    """`loginpipe` with its own environment."""

    environment: dict[str, str]
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str, answer: str = "", **environment: str) -> Finished:
        """Run it in this process with `answer` as standard input. In `environment`, an empty text means unset."""
        self.capture.readouterr()
        with self.monkeypatch.context() as patch:
            for name, value in (self.environment | environment).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", _Input(answer))
            code = main(words)
        captured = self.capture.readouterr()
        return Finished(code, captured.out, captured.err)

    def start(
        self, *words: str, program: tuple[str, ...] = ("-m", "ops"), **environment: str
    ) -> "subprocess.Popen[str]":
        """Start it as a process; `program` are the arguments of Python before the command's words."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG"))}
        return subprocess.Popen(
            [sys.executable, *program, *words],
            cwd=ROOT,
            env=inherited | self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class _Input:
    """Standard input that contains an answer and is no terminal."""

    def __init__(self, text: str) -> None:
        self.buffer = io.BytesIO(text.encode())
        self._text = io.StringIO(text)

    def readline(self, size: int = -1) -> str:
        return self._text.readline(size)

    def read(self, size: int = -1) -> str:
        return self._text.read(size)

    def isatty(self) -> bool:
        return False
