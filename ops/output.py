"""Prints results: tables for people, JSON for scripts. Notes and progress go to standard error."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ops.tables import clean, make_table
from ops.times import format_time

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

UNLIMITED = 100_000  # columns if the output is no terminal: ids stay whole, so that they can be searched


class Output:
    """Standard output and standard error of one command."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        is_narrow = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
        self._out = Console(highlight=False, width=None if is_narrow else UNLIMITED)
        self._notes = Console(stderr=True, highlight=False, soft_wrap=True)

    def result(self, data: object, show: Callable[[], None]) -> None:
        """Prints the command's result: `data` as JSON, or else by calling `show`."""
        if self.as_json:
            print(json.dumps(data, default=_as_json, ensure_ascii=False, indent=2))
        else:
            show()

    def line(self, text: str) -> None:
        """Prints a line of the result without markup, control characters or wrapping."""
        self._out.print(Text(clean(text)), soft_wrap=True)

    def table(self, title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """Prints a table of the result; numbers are right-aligned."""
        materialized = [list(row) for row in rows]
        if not materialized:
            self._out.print(Text(f"{title}: none"))
            return
        for part in make_table(title, list(columns), materialized, self._out.width):
            self._out.print(part)

    def show(self, drawn: RenderableType) -> None:
        """Prints a part of the result that is formatted already."""
        self._out.print(drawn)

    def numbers(self, lines: Sequence[tuple[str, int]]) -> None:
        """Prints named numbers, one per line."""
        name_width = max(len(name) for name, _ in lines)
        number_width = max(len(f"{number:,}") for _, number in lines)
        for name, number in lines:
            self._out.print(Text.assemble(f"{name:<{name_width}}  ", (f"{number:>{number_width},}", "bold")))

    def note(self, text: str) -> None:
        """Prints a note for people, in addition to the result."""
        self._notes.print(Text(clean(text)))

    def progress(self, what: str, total: int | None) -> "AbstractContextManager[Callable[[int], None]]":
        """Shows a progress bar on standard error; the block calls the yielded function for each step."""
        return _Bar(self._notes, what, total, shown=self._notes.is_terminal and not self.as_json)


class _Bar:
    def __init__(self, console: Console, what: str, total: int | None, *, shown: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, disable=not shown)
        self._what = what
        self._total = total

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        task = self._progress.add_task(self._what, total=self._total)
        return lambda count: self._progress.advance(task, count)

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()


def pick(rows: Iterable[Mapping[str, object]], *names: str) -> Iterator[list[object]]:
    """Returns the given columns of each row, in that order."""
    return ([row[name] for name in names] for row in rows)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Returns a number with its noun: `1 event`, `2 events`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _as_json(value: object) -> str:
    return format_time(value) if isinstance(value, datetime) else str(value)


def age(seconds: float) -> str:
    """Returns a time span in two units: `3 d 4 h`."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for name, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])
