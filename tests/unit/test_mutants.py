"""The tables of mutants: a row that no longer fits the code would be noticed only when somebody runs them."""

from pathlib import Path

import pytest

from tests.mutants.function import FUNCTION
from tests.mutants.infra import INFRA
from tests.mutants.lake import LAKE
from tests.mutants.mutation import Mutation
from tests.mutants.operations import OPERATIONS
from tests.mutants.records import RECORDS
from tests.mutants.schema import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
MUTATIONS = (*FUNCTION, *RECORDS, *SCHEMA, *OPERATIONS, *LAKE, *INFRA)


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
