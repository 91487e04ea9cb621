"""A copy of the tree with three fields more, added as the contract says: a line each, and one numbered migration."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.execution_environment import ExecutionEnvironment
from tests.support import ROOT, Record, failed_ids

PACKAGES = ("lambda_src", "ops", "local", "tests")
# Names that no field of the table will have.
LINES = (
    "added_text: Annotated[str, Meta(min_length=1, max_length=32)] | None = None",
    'added_masked: Annotated[str, Meta(min_length=1, max_length=64, extra={"masked": True})] | None = None',
    "added_count: Annotated[int, Meta(ge=0)] | None = None",
)
MIGRATION = """
    ALTER TABLE public.user_logins
        ADD COLUMN added_text varchar(32), ADD COLUMN masked_added_masked varchar(256), ADD COLUMN added_count integer;
"""


@dataclass
class Tree:
    """A tree of the project, run in processes of its own with one environment."""

    root: Path
    variables: dict[str, str]

    def __call__(self, *words: str, code: int = 0, **variables: str) -> Any:
        """The JSON that a command of operators prints; it must end with `code`."""
        return json.loads(self.run("ops", "--json", *words, code=code, **variables).stdout)

    def run(self, module: str, *words: str, code: int = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs a module's command line, which must end with `code`."""
        finished = subprocess.run(
            [sys.executable, "-m", module, *words],
            check=False,
            cwd=self.root,
            env={"PATH": os.environ["PATH"], **self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert finished.returncode == code, finished.stderr
        return finished

    def write(self, *records: Record, **variables: str) -> list[str]:
        """The messages that the tree's function calls failed, in a fresh execution environment."""
        environment = ExecutionEnvironment(self.variables | variables, self.root)
        try:
            answer = environment.invoke(*records)
        finally:
            environment.close()
        return failed_ids(answer["response"])


def copy_tree(root: Path, lines: Sequence[str] = LINES, migration: str = MIGRATION) -> None:
    """Copies the packages to `root` and adds fields there, in two places: the table, and a new migration."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    contract = root / "lambda_src" / "contract.py"
    text = contract.read_text(encoding="utf-8").splitlines(keepends=True)
    (table,) = (
        node for node in ast.parse("".join(text)).body if isinstance(node, ast.ClassDef) and node.name == "Body"
    )
    assert table.end_lineno is not None
    text[table.end_lineno : table.end_lineno] = [f"    {line}\n" for line in lines]
    contract.write_text("".join(text), encoding="utf-8")
    migrations = root / "lambda_src" / "migrations"
    newest = max(int(path.name[:4]) for path in migrations.glob("[0-9]*.sql"))
    (migrations / f"{newest + 1:04}_added_fields.sql").write_text(migration, encoding="utf-8")
