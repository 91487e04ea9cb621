"""The generated parts of the documentation are what the code says now: `make reference` writes them."""

from pathlib import Path

import pytest

from docs_tools import commands, environment, metrics, reasons
from docs_tools.blocks import FIGURES, GENERATORS, PAGES, names, renew
from ops.errors import Exit

GENERATED = [path for path in sorted(PAGES.glob("**/*.md")) if names(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: str(path.relative_to(PAGES)))
def test_page_is_current(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert renew(page) == page, "run `make reference`"


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_figure_is_that_of_the_last_benchmark(figure: Path) -> None:
    assert FIGURES[figure].read_bytes() == figure.read_bytes(), "run `make reference`"


def test_each_generator_has_its_place() -> None:
    found = [name for path in GENERATED for name in names(path.read_text(encoding="utf-8"))]
    assert sorted(found) == sorted(GENERATORS)


def test_renewed_part_replaces_what_was_there() -> None:
    page = "before\n<!-- generated: exit_codes -->\nold\n<!-- end of exit_codes -->\nafter\n"
    renewed = renew(page)
    assert "old" not in renewed
    assert "| `130` |" in renewed
    assert renewed.startswith("before\n")
    assert renewed.endswith("\nafter\n")
    assert renew(renewed) == renewed


def test_unknown_part_is_refused() -> None:
    with pytest.raises(KeyError, match="nothing"):
        renew("<!-- generated: nothing -->\n<!-- end of nothing -->")


def test_no_meaning_is_left_over() -> None:
    assert set(metrics.MEANINGS) == {line.split("`")[1] for line in metrics.metrics().splitlines() if "| `" in line}
    assert set(commands.MEANINGS) == set(Exit)
    assert all(f"`{name}`" in environment.environment() for name in environment.MEANINGS)
    assert all(f"`{reason}`" in reasons.reasons() for reason in reasons.MEANINGS)
