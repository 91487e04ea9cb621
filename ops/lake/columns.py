"""Converts logins between JSON lines, as Postgres writes them, and columns of Parquet."""

import json
from collections.abc import Iterable, Sequence
from datetime import date

from ops.errors import OpsError
from ops.lake.engine import quote, quote_name
from ops.operations.archives import Column

# Types of Postgres and of DuckDB. Spark does not read DuckDB's UUID.
TYPES = {
    "uuid": "VARCHAR",
    "character varying": "VARCHAR",
    "text": "VARCHAR",
    "date": "DATE",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
}


def file_type(column: Column) -> str:
    """Returns DuckDB's type of a column; raises OpsError if an archive cannot hold that type."""
    found = TYPES.get(column["type"])
    if found is None:
        raise OpsError(f"An archive cannot hold the column {column['name']}: its type is {column['type']}.")
    return found


def names(columns: Iterable[Column]) -> str:
    """Returns the names of the columns as a list in SQL."""
    return ", ".join(quote_name(column["name"]) for column in columns)


def line_structure(columns: Iterable[Column]) -> str:
    """Returns the structure of a line, as a literal for DuckDB's read_json."""
    members = (f"{quote_name(column['name'])} {file_type(column)}" for column in columns)
    return quote(f"STRUCT({', '.join(members)})")


class Lines:
    """Converts rows to lines, with exactly the text that login_line() makes in the database."""

    def __init__(self, columns: Sequence[Column]) -> None:
        order = sorted(range(len(columns)), key=lambda at: _rank(columns[at]["name"]))
        self._places = [(columns[at]["name"], at) for at in order]

    def make(self, row: Sequence[object]) -> str:
        """Returns the line of a row; the cells have the order of the columns."""
        return json.dumps({name: _plain(row[at]) for name, at in self._places}, ensure_ascii=False)


def _rank(name: str) -> tuple[int, bytes]:
    """Returns the sort key of a name: in a jsonb, Postgres puts shorter names first."""
    encoded = name.encode()
    return len(encoded), encoded


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
