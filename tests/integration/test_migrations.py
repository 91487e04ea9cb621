"""Tests migrations: first run, second run, two at once, changed, failing; and the partitions."""

import datetime
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copytree

import pytest

from lambda_src.errors import MigrationError
from lambda_src.migrate import MIGRATIONS, MONTHS_AHEAD, MONTHS_BEHIND, load_migrations, migrate
from tests.function import Function
from tests.scratch import Scratch
from tests.support import make_record

NAMES = [migration.name for migration in load_migrations()]
SCHEMA = """
    SELECT n.nspname, c.relname, c.relkind::text, pg_get_expr(c.relpartbound, c.oid), a.attname,
           a.atttypid::regtype::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname !~ '^(pg_|information_schema)'
    ORDER BY 1, 2, 5
"""


@contextmanager
def empty_database(database: Scratch, name: str) -> Iterator[Scratch]:
    """Another database of the server, without a schema."""
    database.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    with closing(Scratch(database.server, name, database.passwords)) as scratch:
        yield scratch
    database.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty(database: Scratch) -> Iterator[Scratch]:
    """An empty database beside the migrated one."""
    with empty_database(database, f"{database.name}_empty") as scratch:
        yield scratch


def run_migrate(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line."""
    command = [sys.executable, "-m", "lambda_src.migrate", *arguments]
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def migrate_here(scratch: Scratch) -> list[str]:
    """Migrates in this process."""
    with closing(scratch.connect()) as connection:
        connection.autocommit = False
        return migrate(connection)


def test_two_migrations_at_once(empty: Scratch) -> None:
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(run_migrate, [empty.environment()] * 3))
    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * 3
    assert sorted(run.stdout for run in runs) == sorted(
        ["".join(f"applied {name}\n" for name in NAMES), "nothing to do\n", "nothing to do\n"]
    )
    assert [name for (name,) in empty.rows("name", "schema_migrations")] == sorted(NAMES)


def test_migrations_of_two_databases_of_one_server_at_once(empty: Scratch, database: Scratch) -> None:
    with empty_database(database, f"{database.name}_other") as other, ThreadPoolExecutor() as pool:
        applied = list(pool.map(migrate_here, [empty, other]))
    assert applied == [NAMES, NAMES]


def test_second_run_changes_nothing(database: Scratch) -> None:
    before = database.query(SCHEMA)
    history = database.rows("*", "schema_migrations")
    assert migrate_here(database) == []
    assert database.query(SCHEMA) == before
    assert database.rows("*", "schema_migrations") == history


def test_migration_that_was_changed_is_refused(database: Scratch) -> None:
    database.execute("UPDATE schema_migrations SET checksum = 'other' WHERE name = %s", NAMES[1])
    with pytest.raises(MigrationError, match=f"{NAMES[1]} was changed"):
        migrate_here(database)


def test_database_of_a_version_before_the_first_release_is_refused(database: Scratch) -> None:
    database.execute("INSERT INTO schema_migrations (name, checksum) VALUES ('0007_retention', '')")
    with pytest.raises(MigrationError, match="0007_retention, which this version does not have"):
        migrate_here(database)


def test_migration_that_fails_changes_nothing(empty: Scratch) -> None:
    empty.execute("CREATE TABLE rejected_logins (mine integer)")
    before = empty.query(SCHEMA)
    run = run_migrate(empty.environment())
    assert run.returncode == 1
    assert "rejected_logins" in run.stderr
    assert "42P07" in run.stderr
    assert empty.query(SCHEMA) == before


def test_migration_that_the_data_does_not_fit_shows_no_value(
    database: Scratch, function: Function, tmp_path: Path
) -> None:
    assert function(make_record(user_id="visitor-x")) == []
    folder = copytree(MIGRATIONS, tmp_path / "migrations")
    (folder / "9999_number.sql").write_text("SELECT user_id::integer FROM public.user_logins;")
    with closing(database.connect()) as connection, pytest.raises(MigrationError, match="SQLSTATE 22P02") as failure:
        migrate(connection, folder=folder)
    assert "visitor-x" not in str(failure.value)
    assert failure.value.__cause__ is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PGHOST": ""}, "PGHOST is missing"),
        ({"PGPASSWORD": "wrong-password"}, "authentication failed"),
        ({"PGDATABASE": "no_such_database"}, "does not exist"),
        ({"PGPORT": "1"}, "No connection"),
    ],
)
def test_command_line_that_cannot_connect(database: Scratch, changes: dict[str, str], words: str) -> None:
    variables = database.environment() | changes
    run = run_migrate(variables)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("migrate: ")
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert variables["PGPASSWORD"] not in run.stderr


def test_command_line_has_help() -> None:
    run = run_migrate({}, "--help")
    assert run.returncode == 0
    assert "PGDATABASE" in run.stdout


def test_role_without_the_right_to_migrate(database: Scratch, empty: Scratch) -> None:
    run = run_migrate(empty.environment("ingest"))
    assert run.returncode == 1
    assert "42501" in run.stderr


# ---- partitions --------------------------------------------------------------------------------------------------


def partitions(database: Scratch) -> list[str]:
    """Returns the partitions with rows, in order."""
    rows = database.query("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'user_logins'::regclass")
    return sorted(name for (name,) in rows)


def test_partitions_reach_from_last_month_into_the_next_year(database: Scratch) -> None:
    this_month = datetime.datetime.now(datetime.UTC).date().replace(day=1)
    number = this_month.year * 12 + this_month.month - 1
    months = [divmod(number + step, 12) for step in range(-MONTHS_BEHIND, MONTHS_AHEAD + 1)]
    expected = [f"user_logins_{year}_{month + 1:02}" for year, month in months]
    assert partitions(database) == sorted([*expected, "user_logins_default"])


def test_partition_that_is_missing_comes_back(database: Scratch) -> None:
    before = partitions(database)
    database.execute(f"DROP TABLE {before[3]}")
    migrate_here(database)
    assert partitions(database) == before


def test_new_partition_takes_its_rows_out_of_the_default_one(function: Function, database: Scratch) -> None:
    days = ["2019-01-31", "2019-02-01", "2019-02-28", "2019-03-01"]
    for day in days:
        sent = int(datetime.datetime.fromisoformat(f"{day}T23:59:59+00:00").timestamp() * 1000)
        assert function(make_record(user_id=day, sent=sent)) == []
    before = database.rows("*")
    assert database.query("SELECT create_login_partitions('2019-02-17', 1)") == [(1,)]
    assert database.rows("user_id", "user_logins_2019_02") == [("2019-02-01",), ("2019-02-28",)]
    assert database.rows("user_id", "user_logins_default") == [("2019-01-31",), ("2019-03-01",)]
    assert database.rows("*") == before
    assert database.query("SELECT create_login_partitions('2019-02-17', 1)") == [(0,)]


def test_new_partition_knows_what_was_delivered_before(function: Function, database: Scratch) -> None:
    record = make_record(sent=1_550_000_000_000)
    assert function(record) == []
    database.execute("SELECT create_login_partitions('2019-02-01', 1)")
    assert function(record, make_record(sent=1_550_000_000_000)) == []
    assert database.count("user_logins_2019_02") == 2


def test_partition_made_while_a_batch_is_written(function: Function, database: Scratch) -> None:
    """The batch waits for the default partition. After that, the default partition does not accept its row any more."""
    with closing(database.connect()) as other, ThreadPoolExecutor() as pool:
        other.autocommit = False
        with other.cursor() as cursor:
            cursor.execute("SELECT create_login_partitions('2018-03-01', 1)")

        def commit() -> None:
            database.wait_for_waiting()
            other.commit()

        committing = pool.submit(commit)
        assert function(make_record(sent=1_520_000_000_000)) == []
        committing.result()
    assert (database.count("user_logins_2018_03"), database.count("user_logins_default")) == (1, 0)
