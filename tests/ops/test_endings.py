"""How the program ends where its output cannot be written, or somebody stops it early."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ops.errors import Exit

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("loginpipe")


@pytest.fixture(autouse=True)
def nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pipeline, neither here nor elsewhere."""
    for name in ("QUEUE_URL", "DLQ_URL", "SALT_PARAMETER", "PGHOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGINPIPE_DIRECTORY", str(tmp_path / "local"))


def start(*words: str, **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen([str(PROGRAM), *words], text=True, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize("words", [("--help",), ("env",)], ids=" ".join)
def test_full_disk_is_named(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE_URL", "http://127.0.0.1:9/000000000000/q")  # for `env` to print
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = start(*words, stdout=full)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (Exit.FAILED, "loginpipe: No space left on device.\n")


def test_closed_output_ends_it_without_a_word() -> None:
    read, write = os.pipe()
    os.close(read)
    process = start("--help", stdout=write)
    os.close(write)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (Exit.FAILED, "")


def test_missing_output_is_no_defect() -> None:
    words = ["/bin/sh", "-c", '"$0" env >&-', str(PROGRAM)]
    finished = subprocess.run(words, check=False, text=True, stderr=subprocess.PIPE, timeout=60)
    assert finished.returncode == Exit.NOTHING
    assert finished.stderr.startswith("loginpipe: No pipeline is known")


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.8])
def test_early_interruption_leaves_no_traceback(seconds: float) -> None:
    process = start("--json", "report", "--days", "7", stdout=subprocess.PIPE)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # Before a program of ours runs, Python has words of its own.
    assert "Traceback" not in errors or "Fatal Python error" in errors
    assert process.returncode in (-signal.SIGINT, Exit.FAILED, Exit.STOPPED, Exit.USAGE)


@pytest.mark.parametrize(("given", "nearest"), [("CUONT=10", "COUNT"), ("EVNT=x.json", "EVENT"), ("SEDE=7", "SEED")])
def test_misspelt_make_variable_is_refused_with_the_nearest(given: str, nearest: str) -> None:
    finished = subprocess.run(
        ["make", "--dry-run", "run", given],  # noqa: S607  whichever the machine has
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert finished.returncode == 2
    assert f"There is no variable {given.partition('=')[0]}; the nearest is {nearest}" in finished.stderr
