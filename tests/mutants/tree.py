"""A copy of the tree, to break lines in."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("bench", "cdk.json", "events", "infra", "lambda_src", "local", "ops", "tests", "pyproject.toml")


def copy_tree(target: Path) -> None:
    """Copies what the tests need; the environment is a link."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        elif source.exists():
            shutil.copy(source, target / name)
    (target / ".venv").symlink_to(ROOT / ".venv")
