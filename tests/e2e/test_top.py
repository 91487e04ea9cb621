"""`top` in a terminal, on a local stack that is up."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from local.process import read_pid_file
from local.state import UP
from tests.e2e.terminal import Terminal
from tests.e2e.test_local_pipeline import Local
from tests.e2e.test_run import command, nothing_left_running
from tests.support import make_body


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    running = Local(tmp_path_factory.mktemp("top"))
    with nothing_left_running(running.directory):
        try:
            assert running("up").returncode == 0
            yield running
        finally:
            running("down")


def send(local: Local, *bodies: dict[str, Any]) -> None:
    events = local.directory / "events.jsonl"
    events.write_text("\n".join(json.dumps(body) for body in bodies), encoding="utf-8")
    assert local("send", "--unchecked", "--pack", "1", str(events)).returncode in (0, 3)


def watch(local: Local) -> Terminal:
    variables = {name: os.environ[name] for name in ("PATH", "HOME")} | {"TERM": "xterm", "NO_COLOR": "1"}
    return Terminal(command(local.directory, "top", "--interval", "0.5"), variables)


def test_view_follows_messages_and_keys(local: Local) -> None:
    with watch(local) as terminal:
        terminal.wait_for("Rejects")
        assert "invalid_ip" not in terminal.shown
        send(local, make_body(user_id="a"), make_body(user_id="b"), make_body(ip="bad"))
        terminal.wait_for("invalid_ip")
        terminal.wait_for("0.2/s  in the last 10 s")
        terminal.wait_for("ms  a batch")
        terminal.wait_for("PAUSED", terminal.press("p"))
        start = len(terminal.shown)
        terminal.resize(100, 30)
        terminal.wait_for("PAUSED", start)
        terminal.wait_for("p pauses", terminal.press("P"))
        start = terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert "invalid_ip" in terminal.shown[start:]  # the last figures stay
        assert terminal.raw.rfind(b"\x1b[?1049l") > terminal.raw.rfind(b"\x1b[?1049h")  # the screen of before
        assert terminal.raw.rfind(b"\x1b[?25h") > terminal.raw.rfind(b"\x1b[?25l")  # and its cursor
        assert b"\x1b[3" not in terminal.raw  # no colour


def test_figures_come_from_the_function_of_the_stack(local: Local) -> None:
    event = make_body(user_id="twice", event_id="b7f1d5a8-6f4c-4e0e-8a5e-0d1f6c9b2a11")
    send(local, event)
    send(local, event)
    found: dict[str, Any] = {}
    for _ in range(20):
        found = local.data("top", "--once")["metrics"]
        if found["counts"]["duplicates"]:
            break
    assert (found["counts"]["duplicates"], found["last_error"], found["period_seconds"]) == (1, None, None)
    assert found["counts"]["batches"] >= 1
    # The bad event of the test before, and none but that, is on its way to the dead letters.
    assert found["oldest_seconds"] is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_view_in_order(local: Local, number: signal.Signals) -> None:
    with watch(local) as terminal:
        terminal.wait_for("Rejects")
        start = terminal.kill(number)
        assert terminal.wait_for_end() == 0
        assert "Traceback" not in terminal.shown[start:]
        assert terminal.raw.rfind(b"\x1b[?1049l") > terminal.raw.rfind(b"\x1b[?1049h")


def test_view_outlives_what_it_looks_at(local: Local) -> None:
    emulator = read_pid_file(local.directory / UP / "ministack.pid")
    assert emulator is not None
    with watch(local) as terminal:
        terminal.wait_for("Rejects")
        os.kill(emulator, signal.SIGSTOP)
        try:
            waiting = terminal.wait_for("no answer for")
            terminal.wait_for("PAUSED", terminal.press("p"))
            terminal.press("p")
        finally:
            os.kill(emulator, signal.SIGCONT)
        terminal.wait_for("p pauses", terminal.wait_for("p pauses", waiting))
        local("down")
        gone = terminal.wait_for("No answer (queue)")
        assert local("up").returncode == 0  # on other ports
        send(local, make_body(user_id=""))
        terminal.wait_for("empty", gone)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
