"""Views and functions are applied again when their text changes, and after each numbered migration."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from lambda_src.errors import MigrationError
from lambda_src.migrate import MIGRATIONS, load_migrations, migrate, pending_migrations
from tests.scratch import Scratch

REPEATABLE = [migration.name for migration in load_migrations() if not migration.is_numbered]
# Plain SQL adds the columns; no other file in the folder names them.
NEW_FIELDS = """
    ALTER TABLE public.user_logins ADD COLUMN masked_serial varchar(256);
    ALTER TABLE public.user_logins ADD COLUMN os_version varchar(32);
    COMMENT ON COLUMN public.user_logins.masked_serial IS 'Pseudonym of the serial number';
    COMMENT ON COLUMN public.user_logins.os_version IS 'As sent';
"""
LOGIN = """
    INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip,
                             masked_device_id, app_version_name, masked_serial, os_version)
    VALUES (gen_random_uuid(), '2023-11-15', 1, 1, %s, 'd', %s, 'device', '0.0.1', %s, '15')
"""
BATCH = """
    INSERT INTO vault.inbox (salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes)
    VALUES (1, '2023-11-15', '2023-11-15', gen_random_uuid(), '', '', 'serial,shared,gone', 'AAAA,AAAA,AAAA')
"""
COLUMNS = """
    SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a copy of the migrations."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


def migrate_from(folder: Path, database: Scratch) -> list[str]:
    with closing(database.connect()) as connection:
        connection.autocommit = False
        return migrate(connection, folder=folder)


def test_function_whose_text_changed_is_applied_again(database: Scratch, folder: Path) -> None:
    path = folder / "functions" / "app_version_text.sql"
    path.write_text(path.read_text(encoding="utf-8").replace("'.'", "'-'"), encoding="utf-8")
    assert migrate_from(folder, database) == ["functions/app_version_text"]
    assert database.query("SELECT app_version_text(2003000)") == [("2-3-0",)]
    assert migrate_from(folder, database) == []


def test_checkout_with_other_line_ends_is_the_same(database: Scratch, folder: Path) -> None:
    for path in folder.rglob("*.sql"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert (
        pending_migrations(
            dict(database.query("SELECT name, checksum FROM schema_migrations")), load_migrations(folder)
        )
        == []
    )
    assert migrate_from(folder, database) == []


def test_numbered_migration_is_followed_by_all_views_and_functions(database: Scratch, folder: Path) -> None:
    (folder / "0900_fields.sql").write_text(NEW_FIELDS, encoding="utf-8")
    assert migrate_from(folder, database) == ["0900_fields", *REPEATABLE]
    assert migrate_from(folder, database) == []


@pytest.fixture
def wider(database: Scratch, folder: Path) -> Scratch:
    """A database with one more plain column and one more masked column."""
    (folder / "0900_fields.sql").write_text(NEW_FIELDS, encoding="utf-8")
    migrate_from(folder, database)
    return database


def test_new_columns_are_in_linked_logins(wider: Scratch) -> None:
    assert wider.query(COLUMNS, "linked_logins") == wider.query(COLUMNS, "user_logins")
    wider.execute(LOGIN, "anna", "ip", "old")
    wider.execute("INSERT INTO pseudonym_links (old, new, old_version, new_version) VALUES ('old', 'new', 1, 2)")
    assert wider.rows("masked_ip, masked_serial, os_version", "linked_logins") == [("ip", "new", "15")]


def test_new_masked_column_has_an_index_in_each_partition(wider: Scratch) -> None:
    indexed = (
        "SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
    )
    assert wider.query(indexed + "WHERE a.attname = 'masked_serial'") == wider.query(
        indexed + "WHERE a.attname = 'masked_ip' AND i.indrelid::regclass::text LIKE 'user_logins%%'"
    )


def test_new_masked_column_is_unfolded_kept_and_forgotten(wider: Scratch) -> None:
    wider.execute(LOGIN, "anna", "shared", "serial")
    wider.execute(LOGIN, "bert", "ip", "shared")
    wider.execute(BATCH)
    assert wider.query("SELECT vault.unfold(10)") == [(3,)]
    assert wider.rows("pseudonym", "vault.originals") == [("serial",), ("shared",)]
    wider.execute("INSERT INTO vault.orphaned DEFAULT VALUES")
    assert wider.query("SELECT * FROM vault.drop_orphans(10)") == [(0, 0)]
    # What anna shares with bert, in another column, stays.
    assert wider.query("SELECT * FROM forget_user('anna', 'who', 'request', 'why')") == [(1, 1, 0)]
    assert wider.rows("pseudonym", "vault.originals") == [("shared",)]
    wider.execute("DELETE FROM user_logins")
    assert wider.query("SELECT * FROM vault.drop_orphans(10)") == [(0, 0)], "nothing was dropped since"
    wider.execute("INSERT INTO vault.orphaned DEFAULT VALUES")
    assert wider.query("SELECT * FROM vault.drop_orphans(10)") == [(1, 0)]


def test_view_that_leaves_out_a_schema_is_refused(database: Scratch, folder: Path) -> None:
    """Without a schema, a name would depend on the role that applies the view."""
    path = folder / "views" / "unqualified.sql"
    path.write_text("CREATE VIEW public.unqualified AS SELECT user_id FROM user_logins;", encoding="utf-8")
    with pytest.raises(MigrationError, match="views/unqualified failed"):
        migrate_from(folder, database)
