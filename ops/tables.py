"""Fits tables to the terminal: shortens ids, then wraps text. A table that is still too wide is shown row by row."""

import re
from collections.abc import Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

ID = re.compile(r"[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ID_SHOWN = 8  # characters of an id that is shortened: enough to tell the rows of a screen apart
TEXT_SHOWN = 20  # the narrowest column that text is wrapped in
BORDER = 3  # characters of a table for each column, and one more

Rows = Sequence[Sequence[object]]


def make_table(title: str, columns: Sequence[str], rows: Rows, width: int) -> list[RenderableType]:
    """Returns the lines of a table of at most `width` characters."""
    numeric = [all(isinstance(row[index], int | float) for row in rows) for index in range(len(columns))]
    cells = [[as_text(value) for value in row] for row in rows]
    if _width(columns, cells) > width:
        cells = [[shorten_id(cell) for cell in row] for row in cells]
    is_text = [any(" " in row[index] for row in cells) for index in range(len(columns))]
    if _width(columns, cells) > width and _width(columns, cells, is_text) > width:
        return [Text(title, "bold"), *(_record(columns, row, width) for row in cells)]
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column, is_number, wraps in zip(columns, numeric, is_text, strict=True):
        table.add_column(column, justify="right" if is_number else "left", no_wrap=not wraps, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    return [table]


def _width(columns: Sequence[str], cells: Sequence[Sequence[str]], wraps: Sequence[bool] = ()) -> int:
    """Returns the width of a table whose wrapping columns have their minimum width."""
    widest = [max(len(column), *(len(row[index]) for row in cells)) for index, column in enumerate(columns)]
    for index, is_wrapped in enumerate(wraps):
        if is_wrapped:
            widest[index] = min(widest[index], max(TEXT_SHOWN, len(columns[index])))
    return sum(widest) + BORDER * len(columns) + 1


def _record(columns: Sequence[str], row: Sequence[str], width: int) -> RenderableType:
    """A row as lines of name and value."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold", max_width=max(ID_SHOWN, width - max(map(len, columns)) - 2))
    for column, cell in zip(columns, row, strict=True):
        lines.add_row(Text(column, "dim"), Text(cell))
    return Padding(lines, (0, 0, 1, 0))


def shorten_id(text: str) -> str:
    """Returns the beginning of an id; any other text unchanged."""
    return f"{text[:ID_SHOWN]}…" if ID.fullmatch(text) else text


def as_text(value: object) -> str:
    """The text of a cell."""
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return clean(str(value))


def clean(text: str) -> str:
    """Removes control characters, because text from a message may hold escape sequences for the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)
