"""Gives DuckDB access to its extensions, to the files of a place, and to Postgres."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from lambda_src.connection import connection_arguments
from lambda_src.errors import SetupError
from lambda_src.settings import DatabaseSettings
from ops.errors import OpsError
from ops.lake.engine import quote
from ops.places import Bucket
from ops.settings import region

if TYPE_CHECKING:
    import duckdb

    from ops.places import Place

SESSION = "-c default_transaction_read_only=on -c search_path=pg_catalog,pg_temp"


def load_extension(engine: "duckdb.DuckDBPyConnection", name: str) -> None:
    """Loads an extension from its wheel."""
    import duckdb  # noqa: PLC0415  an optional part

    package = import_module(f"duckdb_extension_{name}")
    folder = Path(str(package.__file__)).parent / "extensions" / f"v{duckdb.__version__}"
    engine.execute(f"LOAD {quote(str(folder / f'{name}.duckdb_extension'))}")


def file_url(where: "Place", path: str) -> str:
    """Returns the URL of a file for DuckDB."""
    return f"{where.name}/{path}"


def allow_bucket(engine: "duckdb.DuckDBPyConnection", where: "Place") -> None:
    """Makes a bucket readable with the caller's credentials; does nothing for a folder."""
    if not isinstance(where, Bucket):
        return
    load_extension(engine, "httpfs")
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise OpsError("There are no AWS credentials: log in (aws sso login), or set AWS_PROFILE.")
    frozen = credentials.get_frozen_credentials()
    options = {
        "KEY_ID": frozen.access_key,
        "SECRET": frozen.secret_key,
        "SESSION_TOKEN": frozen.token,
        "REGION": region() or session.region_name,
        **where.endpoint(),
    }
    given = ", ".join(f"{name} {quote(str(value))}" for name, value in options.items() if value)
    engine.execute(f"CREATE OR REPLACE TEMPORARY SECRET lake (TYPE s3, {given})")


def attach_postgres(engine: "duckdb.DuckDBPyConnection", settings: DatabaseSettings, role: str | None) -> None:
    """Attaches Postgres, read-only, as `role`; without `role`, as the user of the settings.

    Raises SetupError instead of DuckDB's error, whose text would hold the password.
    """
    import duckdb  # noqa: PLC0415  an optional part

    load_extension(engine, "postgres_scanner")
    arguments = connection_arguments(settings)
    secret = {"HOST": "host", "PORT": "port", "DATABASE": "dbname", "USER": "user", "PASSWORD": "password"}
    given = ", ".join(f"{name} {quote(str(arguments[key]))}" for name, key in secret.items() if arguments[key])
    engine.execute(f"CREATE TEMPORARY SECRET postgres (TYPE postgres, {given})")
    options = SESSION if role in (None, settings.user) else f"{SESSION} -c role={role}"
    rest = {key: value for key, value in arguments.items() if key not in secret.values() and value}
    words = " ".join(f"{key}={_connection_word(value)}" for key, value in (rest | {"options": options}).items())
    failed = False
    try:
        engine.execute(f"ATTACH {quote(words)} AS hot (TYPE postgres, SECRET postgres, READ_ONLY, SCHEMA 'public')")
    except duckdb.Error:
        failed = True
    if failed:
        raise SetupError(
            f"DuckDB cannot connect to Postgres at {settings.host} as {role or settings.user}: check PGHOST, PGUSER "
            f"({settings.user}) and PGPASSWORD."
        )


def _connection_word(value: object) -> str:
    """Returns a value in quotes for a connection string of libpq."""
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
