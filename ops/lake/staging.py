"""Holds the logins of a month on this machine, between the database and the files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ops.lake.columns import file_type, line_structure
from ops.lake.engine import quote, quote_name
from ops.lake.files import write_file
from ops.operations.archives import Column

if TYPE_CHECKING:
    import duckdb

LOGINS_A_FILE = 1_000_000  # about 120 MB, which must fit into memory
WRITTEN_AT = "written_at"  # a column of the table and the files, but not of lines: a restore sets it again
# It reads a file because 5,000 texts as parameters of a statement take DuckDB a thousand times longer.
INSERT_PAGE = """
    INSERT INTO logins SELECT unnest(login), moment FROM read_json({path}, format = 'newline_delimited',
        columns = {{'moment': 'TIMESTAMPTZ', 'login': {structure}}})
"""
SELECT_DAYS = "SELECT create_date::VARCHAR, count(*) FROM logins GROUP BY 1 ORDER BY 1"
# The rows are sorted by user, so that an erasure finds a person quickly.
SELECT_FILE = """
    SELECT * FROM logins WHERE create_date = {day} ORDER BY user_id, event_id LIMIT {limit} OFFSET {start}
"""


class Staging:
    """The logins of one month, by day."""

    def __init__(self, engine: "duckdb.DuckDBPyConnection", directory: Path, columns: Sequence[Column]) -> None:
        self.engine = engine
        self.directory = directory
        self._page = directory / "page.json"
        self._insert = INSERT_PAGE.format(path=quote(str(self._page)), structure=line_structure(columns))
        typed = [f"{quote_name(column['name'])} {file_type(column)}" for column in columns]
        engine.execute(f"CREATE TABLE logins ({', '.join(typed)}, {WRITTEN_AT} TIMESTAMPTZ)")

    def add(self, lines: list[str], written_at: list[str]) -> None:
        """Adds lines; `written_at` has the time at which each line was written."""
        pairs = zip(lines, written_at, strict=True)
        text = "".join(f'{{"moment": "{moment}", "login": {line}}}\n' for line, moment in pairs)
        self._page.write_text(text, encoding="utf-8")
        self.engine.execute(self._insert)

    def salt_versions(self) -> list[int]:
        """Returns the salt versions of the logins."""
        rows = self.engine.execute("SELECT DISTINCT salt_version FROM logins ORDER BY 1").fetchall()
        return [version for (version,) in rows]

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yields the day and the path of one Parquet file at a time; the next file overwrites it."""
        path = self.directory / "logins.parquet"
        for day, count in self.engine.execute(SELECT_DAYS).fetchall():
            for start in range(0, count, LOGINS_A_FILE):
                write_file(self.engine, SELECT_FILE.format(day=quote(day), limit=LOGINS_A_FILE, start=start), path)
                yield day, path
