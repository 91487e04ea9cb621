"""`make sam-invoke` with the four events, and with one that makes the function raise."""

import json
import os
import platform
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import LAMBDA_IMAGE, Project
from tests.docker.engine import PATIENCE, ROOT, docker, obtain

SAM = str(ROOT / ".venv" / "sam" / "bin" / "sam")
FAILED = {"valid": 0, "mixed": 4, "malformed": 9, "duplicate": 0}


def run(project: Project, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs a program on the project's servers."""
    variables = os.environ | project.variables
    if docker("image", "inspect", LAMBDA_IMAGE, check=False).returncode == 0:
        variables["SAM_SKIP_PULL_IMAGE"] = "1"
    return subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT, env=variables, timeout=PATIENCE)


@pytest.fixture(scope="module", autouse=True)
def lambda_image(images: dict[str, str]) -> None:
    """Skips where AWS's image cannot be had."""
    if platform.machine() in ("x86_64", "AMD64") and obtain(LAMBDA_IMAGE) is None:
        pytest.skip(f"{LAMBDA_IMAGE} cannot be pulled, and the engine has none of that tag")


def counts(log: str) -> Counter[str]:
    """The sums of the function's own log line."""
    line: dict[str, Any] = next(
        parsed for text in log.splitlines() if text.startswith("{") and "EventsReceived" in (parsed := json.loads(text))
    )
    return Counter({name: int(line[name][0]) for name in ("EventsReceived", "RecordsWritten", "DuplicatesIgnored")})


@pytest.mark.parametrize("name", FAILED)
def test_event_gives_its_answer(project: Project, name: str) -> None:
    path = ROOT / "events" / f"{name}.json"
    records = json.loads(path.read_text(encoding="utf-8"))["Records"]
    finished = run(project, sys.executable, "-m", "local.sam", "--sam", SAM, str(path))
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout.splitlines()[-1])
    assert len(answer["batchItemFailures"]) == FAILED[name]
    seen = counts(finished.stderr)
    assert seen["EventsReceived"] == len(records)
    assert seen["RecordsWritten"] + seen["DuplicatesIgnored"] + FAILED[name] == len(records)
    assert "aws:cdk:path" not in finished.stderr
    assert len(finished.stderr.splitlines()) < 25, finished.stderr


def test_function_that_raises_fails_the_target(project: Project, tmp_path: Path) -> None:
    event = tmp_path / "no-event.json"
    event.write_text("{}", encoding="utf-8")
    finished = run(project, "make", "--silent", "sam-invoke", f"EVENT={event}")
    assert finished.returncode != 0
    assert "IngestFunction has failed" in finished.stderr
    assert "EventError" in finished.stderr


def test_event_that_is_missing_is_named_before_anything_is_built(project: Project) -> None:
    finished = run(project, "make", "sam-invoke", "EVENT=events/none.json")
    assert finished.returncode != 0
    assert "events/none.json" in finished.stderr
    assert "Building" not in finished.stdout
