"""The documents: each shell block is run by the walk, or says above it why not."""

from pathlib import Path

import pytest

from tests.walk.blocks import NOT_RUN, ROOT, TYPED, blocks, documents, runnable

DOCUMENTS = documents()


def test_console_block_gives_its_commands_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("- x\n\n  ```console\n  $ one \\\n  > two\n  output\n  $ three\n  ```\n", encoding="utf-8")
    (block,) = runnable(page)
    assert block.commands == "one \\\ntwo\nthree"
    assert block.line == 3


def test_marked_block_is_not_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: why -->\n```sh\nrm x\n```\n```sh\nls\n```\n```sql\nSELECT\n```\n", encoding="utf-8")
    assert [block.text for block in runnable(page)] == ["ls\n"]
    assert [block.reason for block in blocks(page)] == ["why", None, None]


def test_some_documents_are_walked() -> None:
    walked = {path.relative_to(ROOT).as_posix() for path in DOCUMENTS if runnable(path)}
    assert walked >= {"README.md", "docs/tutorial/index.md"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_marker_stands_right_above_a_shell_block_and_gives_a_reason(path: Path) -> None:
    found = blocks(path)
    markers = [
        line for line in path.read_text(encoding="utf-8").splitlines() if line.strip().startswith("<!-- not run")
    ]
    reasons = [block.reason for block in found if block.is_shell and NOT_RUN.fullmatch(block.comment)]
    assert len(reasons) == len(markers), "a marker without a block, or without a reason"
    assert all(reason and len(reason.split()) > 1 for reason in reasons)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_block_of_commands_says_that_it_is_one(path: Path) -> None:
    hidden = [block for block in blocks(path) if block.language == "" and TYPED.match(block.text)]
    assert [f"{path.name}:{block.line}" for block in hidden] == [], "write ```sh"
