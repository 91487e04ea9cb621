"""Opens DuckDB, from the extra `lake`, without network access; its errors show no values."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import OpsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

MISSING = "This needs DuckDB. Install it with: pip install 'login-masking-pipeline[lake]'"
# DuckDB must download nothing: its extensions come with pinned wheels.
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,  # else a table name could read a variable of this program
}


@contextmanager
def open_engine(directory: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Opens DuckDB; `directory` holds data that does not fit into memory. Raises UsageError without DuckDB.

    In the block, errors of DuckDB become OpsErrors without their text, because the text can hold values of rows.
    """
    try:
        import duckdb  # noqa: PLC0415  an optional part
    except ModuleNotFoundError:
        raise UsageError(MISSING) from None
    failure: OpsError | None = None
    # DuckDB moves large tables from memory to the directory. A database in a file would always wait for the disk.
    connection = duckdb.connect(":memory:", config=SETTINGS | {"temp_directory": str(directory)})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except duckdb.Error as error:
        failure = OpsError(f"DuckDB refuses ({type(error).__name__}).")
    finally:
        connection.close()
    if failure is not None:
        raise failure  # raised after the block, so that it has no reference to DuckDB's error


def quote(text: str) -> str:
    """Returns a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """Returns the name of a column as a quoted identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'
