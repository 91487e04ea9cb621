"""Runs a query on months in Postgres and in archives, with DuckDB."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import OpsError, UsageError
from ops.lake.engine import quote
from ops.lake.logins import open_logins

if TYPE_CHECKING:
    import duckdb

    from lambda_src.settings import DatabaseSettings
    from ops.places import Place

ANALYST = "analyst"
POLL_SECONDS = 0.2
WRITE_FILE = "COPY (\n{sql}\n) TO {path} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
# The text of these errors is only about the statement: DuckDB raises them before it reads a row.
SPEAKING = ("BinderException", "CatalogException", "ParserException", "PermissionException", "SyntaxException")

Step = Callable[[int], None]


class Query:
    """A checked statement, in a session that can read only the logins."""

    def __init__(self, engine: "duckdb.DuckDBPyConnection", sql: str) -> None:
        self._engine = engine
        self._sql = sql

    def run(self, step: Step) -> list[str]:
        """Runs the statement; returns the names of its columns. Calls `step` for each percent."""
        self._execute(self._sql, step)
        return [column[0] for column in self._engine.description or ()]

    def pages(self, size: int = 10_000) -> Iterator[list[tuple[object, ...]]]:
        """Yields the rows of the result, `size` at a time."""
        with _explained():
            while rows := self._engine.fetchmany(size):
                yield rows

    def write_parquet(self, path: Path, step: Step) -> int:
        """Runs the statement, and writes its rows to a file; returns the number of rows."""
        self._execute(WRITE_FILE.format(sql=self._sql, path=quote(str(path))), step)
        ((count,),) = self._engine.fetchall()
        return int(count)

    def _execute(self, sql: str, step: Step) -> None:
        with _explained(), _watched(self._engine, step):
            self._engine.execute(sql)


@contextmanager
def open_query(
    sql: str, settings: "DatabaseSettings | None", places: "Sequence[Place]", output: Path | None
) -> Iterator[Query]:
    """Checks the statement, attaches the logins, and locks the session; raises PipelineError."""
    with open_logins(settings, places, role=ANALYST, sql=sql) as (engine, archived):
        _lock(engine, [*archived.all_files, *([str(output)] if output else [])])
        yield Query(engine, sql)


def _lock(engine: "duckdb.DuckDBPyConnection", paths: Sequence[str]) -> None:
    """Locks the session: after this it can open only these files."""
    engine.execute("SET enable_progress_bar = true")
    engine.execute("SET enable_progress_bar_print = false")
    engine.execute(f"SET allowed_paths = [{', '.join(map(quote, paths))}]")
    engine.execute("SET enable_external_access = false")
    engine.execute("SET lock_configuration = true")


@contextmanager
def _explained() -> Iterator[None]:
    """Converts errors of DuckDB to OpsErrors; keeps the text only if it cannot hold a value of a row."""
    import duckdb  # noqa: PLC0415  an optional part

    failure: OpsError | None = None
    try:
        yield
    except duckdb.Error as error:
        kind = type(error).__name__
        if kind in SPEAKING:
            failure = UsageError(" ".join(str(error).split("\n\n")[0].split()))
        else:
            failure = OpsError(f"DuckDB cannot run this ({kind}). Its message could hold values, so it is not shown.")
    if failure is not None:
        raise failure  # raised after the block, so that it has no reference to DuckDB's error


@contextmanager
def _watched(engine: "duckdb.DuckDBPyConnection", step: Step) -> Iterator[None]:
    """Calls `step` with the progress of the statement while the block runs."""
    done = threading.Event()

    def watch() -> None:
        told = 0
        while not done.wait(POLL_SECONDS):
            percent = max(told, int(engine.query_progress()))
            step(percent - told)
            told = percent

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
