"""What the walk shares: a fresh copy of the tree at a path with a space, and an environment without anybody's own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walk.blocks import ROOT

FOREIGN = ("AWS_", "PG", "QUEUE_", "DLQ_", "SALT_", "VAULT_", "LOGINPIPE_", "LOCALSTACK_", "MAKE", "VIRTUAL_ENV")
KEPT = ("AWS_CA_BUNDLE",)


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment of a person who has just logged in."""
    own = {name: value for name, value in os.environ.items() if name in KEPT or not name.startswith(FOREIGN)}
    return own | variables


def copy_tree(target: Path) -> None:
    """What a clone of this tree would hold, changes included."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


@pytest.fixture(scope="session")
def clone() -> Iterator[Path]:
    """A fresh copy, in a folder with a space in its name; what is up in it is ended at the end."""
    root = Path(tempfile.mkdtemp(prefix="walk "))
    tree = root / "my dir" / "login pipeline"
    copy_tree(tree)
    yield tree
    subprocess.run(["make", "clean"], check=False, capture_output=True, cwd=tree, env=clean_environment())  # noqa: S607
    shutil.rmtree(root, ignore_errors=True)
