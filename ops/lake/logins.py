"""A session of DuckDB that has the logins of Postgres and of archives."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ops.errors import UsageError
from ops.lake.reading import allow_bucket, attach_postgres
from ops.lake.statement import check_statement
from ops.lake.tables import Archived, create_logins, find_archived
from ops.lake.workbench import workbench

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from lambda_src.settings import DatabaseSettings
    from ops.places import Place


@contextmanager
def open_logins(
    settings: "DatabaseSettings | None", places: "Sequence[Place]", *, role: str | None = None, sql: str | None = None
) -> "Iterator[tuple[duckdb.DuckDBPyConnection, Archived]]":
    """A session with the table user_logins; None: without Postgres. A statement of somebody else is checked first.

    Postgres sees the role that is given, else whoever logs in. Raises UsageError, OpsError, SetupError.
    """
    with workbench() as (engine, _):
        if sql is not None:
            check_statement(engine, sql)
        archived = find_archived(places)
        for where in places:
            allow_bucket(engine, where)
        if settings is not None:
            attach_postgres(engine, settings, role)
        elif not archived.files:
            raise UsageError("There is nothing to read: no archive is there, and no Postgres is attached.")
        create_logins(engine, archived, has_hot=settings is not None)
        yield engine, archived
