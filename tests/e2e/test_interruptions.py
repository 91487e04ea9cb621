"""Ctrl-C at any moment of `up` and `run` leaves nothing running, and says so."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.test_run import PATIENCE, ROOT, command, processes_of, run_local

STEP_SECONDS = 0.5
MOST_STEPS = 60


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("words", [("up",), ("run", "--count", "200")], ids=["up", "run"])
def test_interruption_leaves_nothing_running(tmp_path: Path, words: tuple[str, ...]) -> None:
    for step in range(1, MOST_STEPS):
        process = subprocess.Popen(
            command(tmp_path, *words), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        time.sleep(step * STEP_SECONDS)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in errors, errors
        if process.returncode == 0:
            break
        # A signal at the very start or end of Python itself ends it without a word.
        assert process.returncode == -signal.SIGINT or (process.returncode == 130 and "Interrupted" in errors), errors
        assert processes_of(tmp_path) == [], f"after {step * STEP_SECONDS} s"
    else:
        pytest.fail("it never came to its end")
    run_local(tmp_path, "down")
    assert processes_of(tmp_path) == []
