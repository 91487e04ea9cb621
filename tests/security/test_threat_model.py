"""Each claim of the threat model names a test, and the test exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Claims and their tests")[2].partition("\n## ")[0]
CLAIMS = [line.strip("| ").rpartition(" | ") for line in SECTION.splitlines() if line.startswith("| ")][1:]
FEWEST = 15


@pytest.mark.parametrize(("claim", "tests"), [(claim, tests) for claim, _, tests in CLAIMS], ids=range(len(CLAIMS)))
def test_claim_names_tests_that_exist(claim: str, tests: str) -> None:
    assert claim.endswith(".")
    named = re.findall(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`", tests)
    assert named
    assert len(named) == tests.count("`") // 2
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def test_page_has_its_claims() -> None:
    assert len(CLAIMS) >= FEWEST
