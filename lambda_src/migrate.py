"""Brings the database that PG* names to the newest schema: `python -m lambda_src.migrate`."""

import argparse
import hashlib
import re
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import extensions
from psycopg2.errorcodes import LOCK_NOT_AVAILABLE

from lambda_src import blockers
from lambda_src.connection import connection_arguments, explained_login
from lambda_src.errors import MigrationError, PipelineError
from lambda_src.migration_history import note_migration, open_history
from lambda_src.privileges import apply_privileges
from lambda_src.public_schema import WARNING, public_may_create, revoke_public_create
from lambda_src.settings import load_database_settings

MIGRATIONS = Path(__file__).parent / "migrations"
NUMBERED_NAME = re.compile(r"\d{4}_")
DATA_CLASSES = ("22", "23")  # of SQLSTATE
MONTHS_BEHIND = 1  # messages wait in a queue for up to 14 days
MONTHS_AHEAD = 12

# Every file qualifies every name, so an object that somebody else created in public is never used.
SEARCH_PATH = "SET LOCAL search_path = pg_catalog, pg_temp"
INDEX_MASKED_COLUMNS = "SELECT public.index_masked_columns()"
CREATE_PARTITIONS = """
    SELECT public.create_login_partitions((now() AT TIME ZONE 'UTC' - make_interval(months => %s))::date, %s)
"""
SPLIT_MONTHS = "SELECT public.split_login_months()"


@dataclass(frozen=True)
class Migration:
    """A migration file. A numbered one runs once. A repeatable one (a function or view) runs when its text changes."""

    name: str
    sql: str
    is_numbered: bool

    @property
    def checksum(self) -> str:
        """Returns the SHA-256 of the text in hex. A checkout with CRLF gives the same."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Reads the files of a folder in the order in which they are applied: numbered ones, functions, views.

    A function whose body is SQL may call only functions whose names come before its own.
    """
    return [
        # read_text converts each line end to a line feed.
        Migration(path.relative_to(folder).with_suffix("").as_posix(), path.read_text(encoding="utf-8"), kind == "")
        for kind in ("", "functions", "views")
        for path in sorted((folder / kind).glob("*.sql"))
    ]


def pending_migrations(history: Mapping[str, str], migrations: Iterable[Migration]) -> list[Migration]:
    """Returns the migrations that are missing or changed; `history` holds the applied checksums by name."""
    return [migration for migration in migrations if history.get(migration.name) != migration.checksum]


def migrate(
    connection: extensions.connection,
    *,
    daily_partitions: bool = False,
    revoke_create: bool = False,
    folder: Path = MIGRATIONS,
) -> list[str]:
    """Applies the migrations that are missing, makes the partitions ahead and sets privileges, all in one transaction.

    With `daily_partitions`, months that hold no login yet are partitioned by day, for good. With `revoke_create`,
    PUBLIC may no longer create objects in schema public. Takes a lock, so that a second run waits and finds nothing to
    do. Tries again after a lock timeout. Returns the names of what it applied; raises MigrationError.
    """
    for tries_left in reversed(range(blockers.TRIES)):
        begun = ["schema_migrations"]
        with blockers.watched_blockers(connection) as found:
            try:
                with connection, connection.cursor() as cursor:
                    return _apply(cursor, begun, folder, daily_partitions=daily_partitions, revoke_create=revoke_create)
            except psycopg2.Error as error:
                if error.pgcode != LOCK_NOT_AVAILABLE or not tries_left:
                    raise MigrationError(f"{begun[-1]} failed, nothing was changed: {_reason(error, found)}") from None
        time.sleep(blockers.PAUSE_SECONDS)
    raise AssertionError("the last try returns or raises")


def _apply(
    cursor: extensions.cursor, begun: list[str], folder: Path, *, daily_partitions: bool, revoke_create: bool
) -> list[str]:
    """Runs all steps; appends each step's name to `begun` as it begins. Returns the names of what was applied."""
    cursor.execute(SEARCH_PATH)
    if revoke_create:
        revoke_public_create(cursor)
    history = open_history(cursor)
    # Set after the wait for a concurrent run, which may take long.
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{blockers.LOCK_SECONDS}s",))
    applied = []
    for migration in _due(history, load_migrations(folder)):
        begun.append(migration.name)
        cursor.execute(migration.sql)
        note_migration(cursor, migration.name, migration.checksum)
        applied.append(migration.name)
    begun.append("index_masked_columns")
    cursor.execute(INDEX_MASKED_COLUMNS)
    begun.append("create_login_partitions")
    cursor.execute(CREATE_PARTITIONS, (MONTHS_BEHIND, MONTHS_BEHIND + 1 + MONTHS_AHEAD))
    if daily_partitions:
        begun.append("split_login_months")
        cursor.execute(SPLIT_MONTHS)
        if cursor.fetchone() != (0,):
            applied.append("split_login_months")
    begun.append("privileges")
    apply_privileges(cursor)
    return applied


def _due(history: Mapping[str, str], migrations: list[Migration]) -> list[Migration]:
    """Returns the migrations to apply; raises MigrationError if numbered files and history do not match."""
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


def _reason(error: psycopg2.Error, found: list[blockers.Blocker]) -> str:
    """Returns why Postgres refused a statement. Leaves out the message for bad data, which holds values of rows."""
    if error.pgcode is None:
        return "the connection broke."
    if error.pgcode.startswith(DATA_CLASSES):
        return f"the data of a row does not fit (SQLSTATE {error.pgcode})."
    is_locked = error.pgcode == LOCK_NOT_AVAILABLE
    hint = blockers.describe_blockers(found) if is_locked else error.diag.message_hint or ""
    return f"{error.diag.message_primary} (SQLSTATE {error.pgcode}). {hint}".rstrip()


def main() -> int:
    """Runs the command line; returns the exit code."""
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
    parser.add_argument(
        "--revoke-public-create",
        action="store_true",
        help="take from PUBLIC the right to create objects in schema public, which databases from before PostgreSQL 15 "
        "give to every role",
    )
    options = parser.parse_args()
    try:
        settings = load_database_settings()
        with explained_login():
            connection = psycopg2.connect(**connection_arguments(settings))
        with closing(connection):
            applied = migrate(
                connection, daily_partitions=options.daily_partitions, revoke_create=options.revoke_public_create
            )
            with connection, connection.cursor() as cursor:
                is_open = public_may_create(cursor)
    except PipelineError as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    if is_open:
        print(f"migrate: {WARNING}", file=sys.stderr)
    print("\n".join(f"applied {name}" for name in applied) or "nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
