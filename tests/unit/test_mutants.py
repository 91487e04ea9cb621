"""The tables of mutants: a row that no longer fits the code would be noticed only when somebody runs them."""

from pathlib import Path

import pytest

from tests.mutants.mutation import Mutation
from tests.mutants.mutations import MUTATIONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: str(mutation.promise))
def test_mutant_breaks_one_line_and_names_tests_that_exist(mutation: Mutation) -> None:
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
    assert mutation.new != mutation.old
    for test in mutation.tests:
        file, _, name = test.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8") if (ROOT / file).is_file() else ""
        assert (ROOT / file).exists()
        assert not name or f"def {name.partition('[')[0]}(" in text


def test_promises_are_told_apart() -> None:
    promises = [mutation.promise for mutation in MUTATIONS]
    assert len(promises) == len(set(promises))
