"""Logins as Postgres writes them into lines of JSON, and as columns of Parquet: each can be made from the other."""

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
    """DuckDB's type of a column; raises OpsError where an archive cannot hold it."""
    found = TYPES.get(column["type"])
    if found is None:
        raise OpsError(f"An archive cannot hold the column {column['name']}: its type is {column['type']}.")
    return found


def names(columns: Iterable[Column]) -> str:
    """The columns' names, as SQL lists them."""
    return ", ".join(quote_name(column["name"]) for column in columns)


def line_structure(columns: Iterable[Column]) -> str:
    """What a line holds, as a literal of DuckDB's read_json."""
    members = (f"{quote_name(column['name'])} {file_type(column)}" for column in columns)
    return quote(f"STRUCT({', '.join(members)})")


class Lines:
    """Makes lines of rows: the very text that login_line() makes in the database."""

    def __init__(self, columns: Sequence[Column]) -> None:
        order = sorted(range(len(columns)), key=lambda at: _rank(columns[at]["name"]))
        self._places = [(columns[at]["name"], at) for at in order]

    def make(self, row: Sequence[object]) -> str:
        """The line of a row, whose cells are in the columns' order."""
        return json.dumps({name: _plain(row[at]) for name, at in self._places}, ensure_ascii=False)


def _rank(name: str) -> tuple[int, bytes]:
    """The place of a key in a jsonb of Postgres: the shorter one first."""
    encoded = name.encode()
    return len(encoded), encoded


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
