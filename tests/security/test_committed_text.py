"""No committed file names where packages came from, or a folder of the machine that it was written on."""

import subprocess
from pathlib import Path

from tests.support import ROOT

# In parts, so that this file does not name them.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("crates", "io"),
    )
]


def find_lines(texts: list[str]) -> list[str]:
    """The committed lines that hold one of `texts`, as file:line:text."""
    patterns = [word for text in texts for word in ("-e", text)]
    command = ["git", "grep", "--line-number", "--fixed-strings", "--ignore-case", "-I", *patterns]
    found = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert found.returncode in (0, 1), found.stderr  # 1: nothing found
    return found.stdout.splitlines()


def test_committed_text_names_no_registry() -> None:
    assert find_lines(REGISTRIES) == []


def test_committed_text_names_no_folder_of_this_machine() -> None:
    assert find_lines([f"{folder}/" for folder in (ROOT, Path.home()) if len(folder.parts) > 1]) == []


def test_committed_text_is_searched() -> None:
    assert find_lines(["def test_committed_text_is_searched"]) != []
