"""Tables fit the terminal; nouns, times and arguments of people."""

from datetime import datetime, timedelta, timezone

import pytest
from rich.console import Console

from ops.output import counted
from ops.tables import make_table
from ops.times import format_time

IDS = ["a" * 64, "424cdd21-063a-43a7-b91b-7ca1a833afae"]
DAY = "2026-01-31T12:00:00Z"


def show(width: int, columns: list[str], rows: list[list[object]]) -> list[str]:
    """The lines of a table, as a terminal of that width shows them."""
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as capture:
        for part in make_table("Title", columns, rows, width):
            console.print(part)
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120, 300])
@pytest.mark.parametrize("more", [0, 1, 6])
def test_table_fits_and_breaks_no_date(width: int, more: int) -> None:
    columns = ["day", "pseudonym", "user_id", *(f"column {number}" for number in range(more))]
    lines = show(width, columns, [[DAY, *IDS, *([1_234] * more)]] * 2)
    assert max(map(len, lines)) <= width
    assert sum(DAY in line for line in lines) == 2
    assert sum("a" * 8 in line for line in lines) == 2
    assert sum("424cdd21" in line for line in lines) == 2


def test_ids_are_whole_where_there_is_room() -> None:
    lines = show(150, ["pseudonym", "user_id"], [list(IDS)])
    assert all(any(value in line for line in lines) for value in IDS)


def test_long_text_is_folded_within_the_width() -> None:
    lines = show(60, ["at", "reason"], [[DAY, "word " * 40]])
    assert max(map(len, lines)) <= 60
    assert sum(line.count("word") for line in lines) == 40
    assert lines[1][0] == "┏", "it is still a table"


@pytest.mark.parametrize(("count", "text"), [(0, "0 events"), (1, "1 event"), (1_000, "1,000 events")])
def test_noun_agrees_with_its_number(count: int, text: str) -> None:
    assert counted(count, "event") == text


def test_time_is_rfc_3339_in_utc() -> None:
    assert format_time(datetime(2026, 1, 31, 13, 0, 0, 5, timezone(timedelta(hours=1)))) == DAY
