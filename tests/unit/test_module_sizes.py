"""A module has one job: at most 200 lines, and a file of tests at most 300."""

from collections.abc import Iterator
from pathlib import Path

from tests.support import ROOT

PACKAGES = ("lambda_src", "infra", "ops", "local", "bench", "docs_tools", "tests")
MOST_LINES = 200
MOST_LINES_OF_TESTS = 300


def find_larger_files(root: Path) -> Iterator[str]:
    """Yield the paths of the modules with more lines than they may have."""
    for package in PACKAGES:
        for path in (root / package).rglob("*.py"):
            most = MOST_LINES_OF_TESTS if path.name.startswith("test_") else MOST_LINES
            if len(path.read_text(encoding="utf-8").splitlines()) > most:
                yield path.relative_to(root).as_posix()


def test_module_has_one_job() -> None:
    assert list(find_larger_files(ROOT)) == []
