"""Another user, whose home cannot be written, in a folder with a space in its name."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walk.conftest import clean_environment, copy_tree

pytestmark = [
    pytest.mark.walk,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user"),
]

NOBODY = 65534
PROGRAMS = "/usr/local/bin:/usr/bin:/bin"  # what every user may run


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder with the tree, which belongs to the other user, and a home that does not."""
    root = Path(tempfile.mkdtemp(prefix="walk "))
    root.chmod(0o755)
    copy_tree(root / "my dir")
    (root / "home").mkdir()
    for path in (root / "my dir", *(root / "my dir").rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    yield root
    run(root, "make clean")
    shutil.rmtree(root, ignore_errors=True)


def run(place: Path, line: str) -> "subprocess.CompletedProcess[str]":
    """A line of shell as the other user."""
    environment = clean_environment(HOME=str(place / "home"), PATH=PROGRAMS)
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "UV_CACHE_DIR", "TMPDIR"):
        environment.pop(name, None)
    return subprocess.run(
        ["/bin/bash", "-c", line],
        check=False,
        capture_output=True,
        text=True,
        cwd=place / "my dir",
        env=environment,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        timeout=1200,
    )


def test_other_user_with_a_closed_home_sets_it_up_and_runs_it(place: Path) -> None:
    if run(place, "python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))'").returncode != 0:
        pytest.skip("the other user has no Python 3.11 with venv")
    assert run(place, "touch ~/x").returncode != 0
    for line in ("make setup", "make run COUNT=20", "make psql SQL='SELECT count(*) FROM user_logins'"):
        finished = run(place, line)
        assert finished.returncode == 0, f"{line}\n{finished.stdout[-2000:]}\n{finished.stderr[-2000:]}"
    assert "20" in finished.stdout or "rows" in finished.stdout
    finished = run(place, ".venv/bin/loginpipe up && .venv/bin/loginpipe status && .venv/bin/loginpipe down")
    assert finished.returncode == 0, finished.stderr
    assert "The stack is down." in finished.stdout
