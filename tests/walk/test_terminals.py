"""The commands in terminals of 60 and 80 columns, without a terminal, and without colours."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import make_body
from tests.walk.conftest import clean_environment

pytestmark = [pytest.mark.walk, pytest.mark.timeout(900)]

PROGRAM = Path(sys.executable).with_name("loginpipe")
COMMANDS = [
    ("--help",),
    ("status",),
    ("doctor",),
    ("report", "--days", "1"),
    ("audit",),
    ("lookup", "--ip", "192.0.2.1"),
    ("salt", "status"),
    ("dlq", "list"),
    ("dlq", "redrive", "--dry-run"),
    ("top", "--once"),
]
BORDERS = "│┃┏┡└"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])(?:;\d+)*m")
BROKEN_DATE = re.compile(r"\d{4}-(?:\d\d-?\d?)?\s*[│┃]")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A local stack with a few logins, a dead letter and an entry of the audit table."""
    directory = tmp_path_factory.mktemp("stack") / "with a space"
    events = [make_body(user_id=f"user {number}", ip="192.0.2.1") for number in range(3)]
    file = directory.with_name("events.jsonl")
    file.write_text("\n".join(map(json.dumps, [*events, make_body(ip="none")])), encoding="utf-8")
    try:
        assert run(directory, "up", "--quarantine").returncode == 0
        assert run(directory, "send", "--unchecked", str(file)).returncode == 0
        time.sleep(8)
        assert run(directory, "forget", "--user-id", "user 0", "--reason", "tables", "--yes").returncode == 0
        yield directory
    finally:
        run(directory, "down")


def run(directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """The program without a terminal."""
    command = [str(PROGRAM), "--directory", str(directory), *words]
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )


def run_in_terminal(directory: Path, columns: int, *words: str, **variables: str) -> str:
    """What the program writes to a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [str(PROGRAM), "--directory", str(directory), *words]
    environment = clean_environment(TERM="xterm-256color", **variables)
    for name in ("COLUMNS", "LINES", *(() if "NO_COLOR" in variables else ("NO_COLOR",))):
        environment.pop(name, None)
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    written = b""
    while True:
        try:
            part = os.read(master, 65_536)
        except OSError:  # what Linux says at the end of a terminal
            break
        if not part:
            break
        written += part
    os.close(master)
    assert process.wait(timeout=120) in (0, 3)
    return written.decode()


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_tables_fit_the_terminal_and_dates_stay_whole(directory: Path, words: tuple[str, ...], columns: int) -> None:
    written = ESCAPE.sub("", run_in_terminal(directory, columns, *words))
    assert "Traceback" not in written
    lines = written.replace("\r", "").splitlines()
    assert [line for line in lines if line.startswith(tuple(BORDERS)) and len(line) > columns] == []
    assert [line for line in lines if BROKEN_DATE.search(line)] == []
    if words[0] in ("report", "audit", "lookup"):
        assert re.search(r"20\d\d-\d\d-\d\d", written), "no row to look at"
    if words == ("--help",):
        assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_without_a_terminal_there_are_no_escapes(directory: Path, words: tuple[str, ...]) -> None:
    finished = run(directory, *words)
    assert finished.returncode in (0, 3), finished.stderr
    assert "\x1b" not in finished.stdout + finished.stderr
    assert "\r" not in finished.stdout + finished.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_color_is_heeded(directory: Path, words: tuple[str, ...]) -> None:
    assert COLOUR.search(run_in_terminal(directory, 80, *words, NO_COLOR="1")) is None
