"""`python -m lambda_src.migrate` brings the database that PG* names to the newest schema."""

import argparse
import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import extensions

from lambda_src.connection import connection_arguments, explained_login
from lambda_src.errors import MigrationError, PipelineError
from lambda_src.settings import load_database_settings

MIGRATIONS = Path(__file__).parent / "migrations"
NUMBERED_NAME = re.compile(r"\d{4}_")
DATA_CLASSES = ("22", "23")  # of SQLSTATE
MONTHS_BEHIND = 1  # messages wait in a queue for up to 14 days
MONTHS_AHEAD = 12

LOCK = "SELECT pg_advisory_xact_lock(hashtext('login-pipeline migrations'))"
CREATE_HISTORY = """
    CREATE TABLE IF NOT EXISTS public.schema_migrations (
        name       text        PRIMARY KEY,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE public.schema_migrations IS 'The migrations that this database has had';
    COMMENT ON COLUMN public.schema_migrations.name IS 'Path of the migration without its suffix';
    COMMENT ON COLUMN public.schema_migrations.checksum IS 'SHA-256 of the file, each line ended by a line feed';
    COMMENT ON COLUMN public.schema_migrations.applied_at IS 'When it was last applied';
"""
SELECT_HISTORY = "SELECT name, checksum FROM public.schema_migrations"
INSERT_HISTORY = """
    INSERT INTO public.schema_migrations (name, checksum) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = excluded.applied_at
"""
# Numbered files may leave out `public`; functions and views name every schema.
NUMBERED_PATH = "SET LOCAL search_path = public, pg_temp"
REPEATABLE_PATH = "SET LOCAL search_path = pg_catalog, pg_temp"
INDEX_MASKED_COLUMNS = "SELECT public.index_masked_columns()"
CREATE_PARTITIONS = """
    SELECT public.create_login_partitions((now() AT TIME ZONE 'UTC' - make_interval(months => %s))::date, %s)
"""
SPLIT_MONTHS = "SELECT public.split_login_months()"


@dataclass(frozen=True)
class Migration:
    """A file: numbered ones are applied once; repeatable ones, a function or a view each, when their text changes."""

    name: str
    sql: str
    is_numbered: bool

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex; the same for a checkout with CRLF."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """The files of a folder, in the order in which they are applied: numbered ones, functions, views.

    A function whose body is SQL may call only functions whose names come before its own.
    """
    return [
        # read_text turns each line's end into a line feed.
        Migration(path.relative_to(folder).with_suffix("").as_posix(), path.read_text(encoding="utf-8"), kind == "")
        for kind in ("", "functions", "views")
        for path in sorted((folder / kind).glob("*.sql"))
    ]


def pending_migrations(history: Mapping[str, str], migrations: Iterable[Migration]) -> list[Migration]:
    """Those that a database with this history, checksums by name, has not had in their present form."""
    return [migration for migration in migrations if history.get(migration.name) != migration.checksum]


def migrate(
    connection: extensions.connection, *, daily_partitions: bool = False, folder: Path = MIGRATIONS
) -> list[str]:
    """Applies the migrations that are missing and makes the partitions ahead, all in one transaction.

    With `daily_partitions`, months that hold no login yet are partitioned by day, for good. Takes a lock, so that a
    second run waits and then finds nothing to do. Returns the names of what it applied; raises MigrationError.
    """
    applied = []
    name = "schema_migrations"
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(LOCK)
            cursor.execute(CREATE_HISTORY)
            cursor.execute(SELECT_HISTORY)
            for migration in _due(dict(cursor.fetchall()), load_migrations(folder)):
                name = migration.name
                cursor.execute(NUMBERED_PATH if migration.is_numbered else REPEATABLE_PATH)
                cursor.execute(migration.sql)
                cursor.execute(INSERT_HISTORY, (name, migration.checksum))
                applied.append(name)
            name = "index_masked_columns"
            cursor.execute(INDEX_MASKED_COLUMNS)
            name = "create_login_partitions"
            cursor.execute(CREATE_PARTITIONS, (MONTHS_BEHIND, MONTHS_BEHIND + 1 + MONTHS_AHEAD))
            if daily_partitions:
                name = "split_login_months"
                cursor.execute(SPLIT_MONTHS)
                ((months,),) = cursor.fetchall()
                if months:
                    applied.append(name)
    except psycopg2.Error as error:
        raise MigrationError(f"{name} failed, nothing was changed: {_reason(error)}") from None
    return applied


def _due(history: Mapping[str, str], migrations: list[Migration]) -> list[Migration]:
    """What to apply; raises MigrationError where numbered files and history do not fit together."""
    known = {migration.name for migration in migrations}
    unknown = sorted(name for name in history.keys() - known if NUMBERED_NAME.match(name))
    if unknown:
        raise MigrationError(
            f"This database has had migration {unknown[0]}, which this version does not have: use a new "
            "database if it is from before the first release, or the later version that migrated it."
        )
    pending = pending_migrations(history, migrations)
    for migration in pending:
        if migration.is_numbered and migration.name in history:
            raise MigrationError(
                f"Migration {migration.name} was changed after this database had it. Put it back and write a new one."
            )
    # A view may list the columns of a table that a numbered file changes.
    if any(migration.is_numbered for migration in pending):
        return [migration for migration in migrations if migration in pending or not migration.is_numbered]
    return pending


def _reason(error: psycopg2.Error) -> str:
    """Why Postgres refused a statement. Its words for bad data are left out: they hold values of rows."""
    if error.pgcode is None:
        return "the connection broke."
    if error.pgcode.startswith(DATA_CLASSES):
        return f"the data of a row does not fit (SQLSTATE {error.pgcode})."
    hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
    return f"{error.diag.message_primary} (SQLSTATE {error.pgcode}).{hint}"


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m lambda_src.migrate",
        description="Brings the database that PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD name to the newest "
        "schema, and makes the partitions of the coming months. Running it again changes nothing.",
    )
    parser.add_argument(
        "--daily-partitions",
        action="store_true",
        help="partition this month, if it holds no login yet, and all later ones by day, for good: from some ten "
        "million logins a month on",
    )
    options = parser.parse_args()
    try:
        settings = load_database_settings()
        with explained_login():
            connection = psycopg2.connect(**connection_arguments(settings))
        with closing(connection):
            applied = migrate(connection, daily_partitions=options.daily_partitions)
    except PipelineError as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"applied {name}" for name in applied) or "nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
