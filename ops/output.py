"""What a command prints: tables for people, JSON for scripts; notes and progress apart, on standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Output:
    """Standard output and standard error of one command."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        self._notes = Console(stderr=True, highlight=False, soft_wrap=True)

    def result(self, data: object, show: Callable[[], None]) -> None:
        """The command's result: `data` as JSON, or whatever `show` prints."""
        if self.as_json:
            print(json.dumps(data, default=str, ensure_ascii=False, indent=2))
        else:
            show()

    def line(self, text: str) -> None:
        """A line of the result, as it is: no markup, no control characters."""
        self._out.print(Text(clean(text)))

    def table(self, title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """A table of the result; numbers to the right."""
        materialized = [list(row) for row in rows]
        table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
        for index, column in enumerate(columns):
            is_number = bool(materialized) and all(isinstance(row[index], int | float) for row in materialized)
            table.add_column(column, justify="right" if is_number else "left", overflow="fold")
        for row in materialized:
            table.add_row(*(Text(_cell(value)) for value in row))
        if materialized:
            self._out.print(table)
        else:
            self._out.print(Text(f"{title}: none"))

    def note(self, text: str) -> None:
        """What a person should know beside the result."""
        self._notes.print(Text(clean(text)))

    def progress(self, what: str, total: int | None) -> "AbstractContextManager[Callable[[int], None]]":
        """A bar on standard error while the block runs; what the block gets is to be told of each step."""
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
    """The rows of a table: of each row those columns, in that order."""
    return ([row[name] for name in names] for row in rows)


def clean(text: str) -> str:
    """Text that cannot steer a terminal: what came from a message may hold escape sequences."""
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return clean(str(value))


def age(seconds: float) -> str:
    """A time span as people say it, to two units: `3 d 4 h`."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for name, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])
