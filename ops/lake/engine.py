"""DuckDB, which the extra `lake` brings: opened without the network, and its errors without values."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import OpsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

MISSING = "This needs DuckDB. Install it with: pip install 'login-masking-pipeline[lake]'"
# It downloads nothing: what it needs comes with the wheels that are pinned beside it.
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,  # else a table's name could be that of a variable of this program
}


@contextmanager
def open_engine(directory: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """DuckDB with `directory` for what does not fit into memory; raises UsageError where it is not installed.

    Within the block its errors become OpsErrors without its words, which can hold values of rows.
    """
    try:
        import duckdb  # noqa: PLC0415  an optional part
    except ModuleNotFoundError:
        raise UsageError(MISSING) from None
    failure: OpsError | None = None
    # Tables in memory move to the directory where they outgrow it. A database in a file would wait for the disk.
    connection = duckdb.connect(":memory:", config=SETTINGS | {"temp_directory": str(directory)})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except duckdb.Error as error:
        failure = OpsError(f"DuckDB refuses ({type(error).__name__}).")
    finally:
        connection.close()
    if failure is not None:
        raise failure  # out here, so that it does not carry DuckDB's error


def quote(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """The name of a column as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
