"""`python -m tests.mutants` breaks each line that holds a promise up, in a copy, and sees the tests fail for it."""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console

from tests.mutants.mutation import Mutation
from tests.mutants.mutations import MUTATIONS
from tests.mutants.tree import copy_tree

SECONDS = 60  # for one test: a mutant that hangs is noticed too
TESTS_PASSED, TESTS_FAILED = 0, 1  # exit codes of pytest

console = Console(soft_wrap=True, highlight=False)


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="", help="only mutations whose promise holds TEXT")
    only = parser.parse_args().only
    mutations = [mutation for mutation in MUTATIONS if only in mutation.promise]
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        tree = Path(directory)
        copy_tree(tree)
        wrong = [mutation.promise for mutation in mutations if not _is_in_place(tree, mutation)]
        for promise in wrong:
            console.print(f"NOT FOUND, or more than once: {promise}")
        tests = sorted({test for mutation in mutations for test in mutation.tests})
        if wrong or _run(tree, *tests) != TESTS_PASSED:
            console.print("Nothing was tried: the table or the tests are not in order.")
            return 1
        survivors = [mutation.promise for mutation in mutations if not _is_killed(tree, mutation)]
    console.print(f"{len(mutations) - len(survivors)} of {len(mutations)} mutants were noticed")
    return int(bool(survivors))


def _is_killed(tree: Path, mutation: Mutation) -> bool:
    started = time.monotonic()
    path = tree / mutation.file
    original = path.read_text(encoding="utf-8")
    path.write_text(original.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        code = _run(tree, "--exitfirst", *mutation.tests)
    finally:
        path.write_text(original, encoding="utf-8")
    words = {TESTS_PASSED: "SURVIVED", TESTS_FAILED: "noticed"}.get(code, f"BROKE THE TESTS ({code})")
    console.print(f"{words:10} {time.monotonic() - started:5.1f} s  {mutation.promise}")
    return code == TESTS_FAILED


def _is_in_place(tree: Path, mutation: Mutation) -> bool:
    return (tree / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1


def _run(tree: Path, *arguments: str) -> int:
    # No bytecode: a mutation made within a second of the last one could otherwise go unseen.
    command = [sys.executable, "-B", "-m", "pytest", "--quiet", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
    limits = [f"--timeout={SECONDS}", "--timeout-method=thread"]  # the only one that ends a wait in libpq
    temporary = tree / "tmp"
    temporary.mkdir(exist_ok=True)
    done = subprocess.run(
        [*command, *limits, *arguments],
        cwd=tree,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    _end_servers(temporary)
    if done.returncode not in {TESTS_PASSED, TESTS_FAILED} or (done.returncode and "--exitfirst" not in arguments):
        console.print(done.stdout[-4000:] + done.stderr[-2000:], markup=False)
    return done.returncode


def _end_servers(directory: Path) -> None:
    """Ends what tests that were cut off have left running; all of it works in `directory`."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(directory) in " ".join([*process.cmdline(), process.environ().get("TMPDIR", "")]):
                process.kill()


if __name__ == "__main__":
    sys.exit(main())
