"""`python -m lambda_src.migrate` brings the database that PG* names to the newest schema."""

import argparse
import hashlib
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import extensions

from lambda_src.connection import connection_arguments, explained_login
from lambda_src.errors import MigrationError, PipelineError
from lambda_src.settings import load_database_settings

MIGRATIONS = Path(__file__).parent / "migrations"
MONTHS_BEHIND = 1  # messages wait in a queue for up to 14 days
MONTHS_AHEAD = 12

LOCK = "SELECT pg_advisory_xact_lock(hashtext('login-pipeline migrations'))"
CREATE_HISTORY = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        name       text        PRIMARY KEY,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE schema_migrations IS 'The migrations that this database has had';
    COMMENT ON COLUMN schema_migrations.name IS 'File name of the migration';
    COMMENT ON COLUMN schema_migrations.checksum IS 'SHA-256 of the file';
    COMMENT ON COLUMN schema_migrations.applied_at IS 'When it was applied';
"""
SELECT_HISTORY = "SELECT name, checksum FROM schema_migrations"
INSERT_HISTORY = "INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)"
CREATE_PARTITIONS = """
    SELECT create_login_partitions((now() AT TIME ZONE 'UTC' - make_interval(months => %s))::date, %s)
"""
SPLIT_MONTHS = "SELECT split_login_months()"


def migrate(connection: extensions.connection, *, daily_partitions: bool = False) -> list[str]:
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
            history = dict(cursor.fetchall())
            for path in sorted(MIGRATIONS.glob("*.sql")):
                name, sql = path.stem, path.read_text(encoding="utf-8")
                checksum = hashlib.sha256(sql.encode()).hexdigest()
                if name not in history:
                    cursor.execute(sql)
                    cursor.execute(INSERT_HISTORY, (name, checksum))
                    applied.append(name)
                elif history[name] != checksum:
                    raise MigrationError(
                        f"Migration {name} was changed after this database had it. Put it back and write a new one."
                    )
            name = "create_login_partitions"
            cursor.execute(CREATE_PARTITIONS, (MONTHS_BEHIND, MONTHS_BEHIND + 1 + MONTHS_AHEAD))
            if daily_partitions:
                name = "split_login_months"
                cursor.execute(SPLIT_MONTHS)
                ((months,),) = cursor.fetchall()
                if months:
                    applied.append(name)
    except psycopg2.Error as error:
        reason = error.diag.message_primary or "the connection broke"
        hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
        raise MigrationError(f"{name} failed, nothing was changed: {reason} (SQLSTATE {error.pgcode}).{hint}") from None
    return applied


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
