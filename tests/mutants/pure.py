"""`python -m tests.mutants.pure` has mutmut break the pure modules in a copy; each mutant that survives needs a reason.

mutmut breaks what stands in functions. It leaves out decorated functions, constants and the fields of classes: the
tables of `python -m tests.mutants` hold mutants of those. pyproject.toml names the modules.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.mutants.tree import ROOT, copy_tree

SURVIVORS = Path(__file__).parent / "survivors.toml"
TOOLS = ROOT / ".venv" / "mutation"
NOTICED = {"killed", "timeout", "segfault", "caught by type check"}  # in mutmut's words


class Survivor(NamedTuple):
    """A mutant that no test notices: the function, and the lines before and after."""

    function: str
    old: str
    new: str


def main() -> int:
    """The command line; returns the exit code."""
    entries = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivor"]
    listed = {Survivor(entry["function"], entry["old"], entry["new"]) for entry in entries}
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        tree = Path(directory)
        copy_tree(tree)
        _mutmut(tree, "run")
        found = {_read_survivor(tree, name) for name in _names_of_survivors(tree)}
    for survivor in sorted(found - listed):
        print(f"SURVIVED: {survivor.function}\n  - {survivor.old}\n  + {survivor.new}")  # noqa: T201
    for survivor in sorted(listed - found):
        print(f"listed, but noticed or gone: {survivor.function}\n  + {survivor.new}")  # noqa: T201
    return int(found != listed)


def _names_of_survivors(tree: Path) -> list[str]:
    results = [line.strip().partition(": ") for line in _mutmut(tree, "results", "--all", "true").splitlines()]
    if not results:
        sys.exit("mutmut has no results")
    return [name for name, _, status in results if status and status not in NOTICED]


def _read_survivor(tree: Path, name: str) -> Survivor:
    lines = _mutmut(tree, "show", name).splitlines()
    old = [line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---")]
    new = [line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")]
    # lambda_src.copying.xǁCopyStreamǁread__mutmut_3, lambda_src.parsing.x_sort_key__mutmut_1
    function = re.sub(r"__mutmut_\d+$", "", name).replace(".xǁ", ".").replace("ǁ", ".").replace(".x_", ".")
    return Survivor(function, "\n".join(old), "\n".join(new))


def _mutmut(tree: Path, *arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(TOOLS)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        sys.exit(f"mutmut {arguments[0]} failed:\n{finished.stdout[-4000:]}")
    return finished.stdout


if __name__ == "__main__":
    sys.exit(main())
