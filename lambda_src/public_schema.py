"""Checks schema public: a database created before PostgreSQL 15 lets every role create objects there."""

from typing import TYPE_CHECKING

from lambda_src.errors import MigrationError

if TYPE_CHECKING:
    from psycopg2 import extensions

PUBLIC_MAY_CREATE = "SELECT has_schema_privilege('public', 'public', 'CREATE')"
REVOKE = "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
WARNING = (
    "every role may create objects in schema public. Once nobody needs that, run "
    f"`python -m lambda_src.migrate --revoke-public-create`, or as the schema's owner: {REVOKE}"
)
SELECT_OWNER = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'"


def public_may_create(cursor: "extensions.cursor") -> bool:
    """Returns whether every role may create objects in schema public."""
    cursor.execute(PUBLIC_MAY_CREATE)
    return cursor.fetchone() == (True,)


def revoke_public_create(cursor: "extensions.cursor") -> None:
    """Revokes that privilege; raises MigrationError if the schema belongs to another role."""
    if not public_may_create(cursor):
        return
    cursor.execute(REVOKE)
    if public_may_create(cursor):  # Postgres only warns
        cursor.execute(SELECT_OWNER)
        ((owner,),) = cursor.fetchall()
        raise MigrationError(f"Nothing was changed: schema public belongs to the role {owner}. As that role: {REVOKE}")
