"""Checks that a query is one SELECT that reads only the logins.

In a locked session DuckDB opens no file. But its Postgres extension would still connect to any server that a table
function names. So the parsed statement may only contain table functions that read nothing, at any depth.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ops.errors import UsageError

if TYPE_CHECKING:
    import duckdb

ALLOWED = {"unnest", "generate_series", "range", "repeat"}


def check_statement(engine: "duckdb.DuckDBPyConnection", sql: str) -> None:
    """Raises UsageError if the text is not one SELECT, or reads something other than tables."""
    ((text,),) = engine.execute("SELECT json_serialize_sql($1)", [sql]).fetchall()
    parsed = json.loads(text)
    if parsed["error"] and parsed["error_type"] == "parser":
        # The parser has seen no data, so its message can be shown.
        raise UsageError(f"A query is a SELECT in DuckDB's SQL: {' '.join(parsed['error_message'].split())}")
    if parsed["error"] or len(parsed["statements"]) != 1:
        raise UsageError("A query is one SELECT.")
    for name in _table_functions(parsed):
        if name.lower() not in ALLOWED:
            raise UsageError(f"A query may read only the tables of the logins: {name}() is not allowed.")


def _table_functions(part: Any) -> Iterator[str]:  # noqa: ANN401  any JSON value
    if isinstance(part, dict):
        if part.get("type") == "TABLE_FUNCTION":
            yield part["function"]["function_name"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _table_functions(each)
