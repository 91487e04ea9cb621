"""The table of the applied migrations. Its lock lets one run work at a time."""

from typing import TYPE_CHECKING

from lambda_src.errors import MigrationError

if TYPE_CHECKING:
    from psycopg2 import extensions

# Two first runs may start at the same time. The second one waits, and then finds the table of the first.
CREATE_HISTORY = """
    DO $$ BEGIN
        CREATE TABLE public.schema_migrations (
            name       text        PRIMARY KEY,
            checksum   text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
    EXCEPTION WHEN duplicate_table OR unique_violation THEN
        NULL;
    END $$
"""
COMMENT_HISTORY = """
    COMMENT ON TABLE public.schema_migrations IS 'The migrations that this database has had';
    COMMENT ON COLUMN public.schema_migrations.name IS 'Path of the migration without its suffix';
    COMMENT ON COLUMN public.schema_migrations.checksum IS 'SHA-256 of the file, each line ended by a line feed';
    COMMENT ON COLUMN public.schema_migrations.applied_at IS 'When it was last applied';
"""
# Only the owner can take this lock. Other roles can read the table at most.
LOCK = "LOCK TABLE public.schema_migrations IN SHARE ROW EXCLUSIVE MODE"
SELECT_HISTORY = "SELECT name, checksum FROM public.schema_migrations"
INSERT_HISTORY = """
    INSERT INTO public.schema_migrations (name, checksum) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = excluded.applied_at
"""
# The triggers of another role's table would run with the privileges of the role that migrates.
SELECT_HISTORY_OWNER = """
    SELECT pg_get_userbyid(relowner), relowner = current_user::regrole FROM pg_class
    WHERE oid = 'public.schema_migrations'::regclass
"""


def open_history(cursor: "extensions.cursor") -> dict[str, str]:
    """Waits for other runs and makes the table if it is missing; returns the checksums by name.

    Raises MigrationError if another role owns the table.
    """
    cursor.execute(CREATE_HISTORY)
    cursor.execute(SELECT_HISTORY_OWNER)
    ((owner, is_mine),) = cursor.fetchall()
    if not is_mine:
        raise MigrationError(f"The table public.schema_migrations belongs to the role {owner}: migrate as that role.")
    cursor.execute(LOCK)
    cursor.execute(COMMENT_HISTORY)
    cursor.execute(SELECT_HISTORY)
    return dict(cursor.fetchall())


def note_migration(cursor: "extensions.cursor", name: str, checksum: str) -> None:
    """Records that a migration was applied."""
    cursor.execute(INSERT_HISTORY, (name, checksum))
