"""The documents as written: each of their shell blocks, in order, in one shell for each document."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.walk.blocks import ROOT, documents, runnable
from tests.walk.conftest import clean_environment

pytestmark = [pytest.mark.walk, pytest.mark.timeout(1800)]

WALKED = sorted((path for path in documents() if runnable(path)), key=lambda path: (path.name != "README.md", path))
SETUP = "{ make setup && source .venv/bin/activate; } >/dev/null\n"
PATIENCE = 1500  # seconds


@pytest.mark.parametrize("path", WALKED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_shell_block_works_as_written(clone: Path, path: Path) -> None:
    # README sets the tree up itself: it is what a new user has.
    parts = ["set -e -o pipefail\n", "" if path.name == "README.md" else SETUP]
    parts += [f"echo '== {path.name}:{block.line}' >&2\n{block.commands}\n" for block in runnable(path)]
    finished = subprocess.run(
        ["bash", "-c", "".join(parts)],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
        cwd=clone,
        env=clean_environment(),
        timeout=PATIENCE,
    )
    last = re.findall(r"^== (.*)$", finished.stderr, re.MULTILINE)[-1:]
    report = (
        f"the block at {last} ends with {finished.returncode}\n{finished.stdout[-3000:]}\n{finished.stderr[-3000:]}"
    )
    assert finished.returncode == 0, report
    assert "Traceback" not in finished.stderr, report
