"""Opens a session of DuckDB with the logins of Postgres and of archives."""

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
    """Opens a session with the table user_logins; without Postgres if `settings` is None.

    Checks the statement `sql` of a user first. Reads Postgres as `role`; without `role`, as the user of the settings.
    Raises UsageError, OpsError or SetupError.
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
            raise UsageError("There is nothing to read: no archive was found, and no Postgres is attached.")
        create_logins(engine, archived, has_hot=settings is not None)
        yield engine, archived
