"""The queries of `doctor`."""

from typing import TypedDict

from lambda_src.migrate import load_migrations, pending_migrations
from lambda_src.privileges import find_differences
from lambda_src.public_schema import PUBLIC_MAY_CREATE
from ops.operations.site import Site

SELECT_SERVER = """
    SELECT extract(epoch FROM clock_timestamp())::float8, current_user::text, current_setting('server_version'),
           pg_encoding_to_char(encoding), current_setting('log_min_error_statement'), current_setting('log_statement')
    FROM pg_database WHERE datname = current_database()
"""
SELECT_MIGRATIONS = "SELECT name, checksum FROM public.schema_migrations"
SELECT_MONTHS_AHEAD = """
    SELECT count(*) FROM public.login_months() WHERE month > date_trunc('month', now() AT TIME ZONE 'UTC')
"""
SELECT_THIS_MONTH = """
    SELECT EXISTS (SELECT FROM public.login_months() WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC'))
"""
COUNT_DEFAULT = "SELECT count(*) FROM public.user_logins_default"
SELECT_TWO_EYED = """
    SELECT rolname::text FROM pg_roles r
    WHERE NOT rolsuper AND rolname !~ '^(pg_|rds)' AND has_table_privilege(r.oid, 'public.user_logins', 'SELECT')
      AND has_table_privilege(r.oid, 'vault.originals', 'SELECT')
      AND r.oid <> (SELECT relowner FROM pg_class WHERE oid = 'vault.originals'::regclass)
    ORDER BY 1
"""
SELECT_VAULT_KEYS = """
    SELECT public_key, data_keys, newest::text, coalesce(extract(epoch FROM now() - waiting_since) / 3600, 0)::float8
    FROM vault.summary()
"""
COUNT_VAULT_FAULTS = "SELECT vault.count_faults()"


class Privilege(TypedDict):
    """A privilege that a role lacks, if it is `wanted`, or else should not have."""

    role: str
    object: str
    privilege: str
    wanted: bool


class VaultKey(TypedDict):
    """The number of batches sealed with a public key (its SHA-256), and the waiting time of the oldest."""

    public_key: str
    data_keys: int
    newest: str | None
    waiting_hours: float


class Server(TypedDict):
    """The server, and its missing migrations."""

    now: float
    user: str
    version: str
    encoding: str
    log_min_error_statement: str
    log_statement: str
    pending_migrations: list[str]


class Schema(TypedDict):
    """The facts of a migrated database; `privileges` are those that differ from lambda_src/privileges.py."""

    months_ahead: int
    has_this_month: bool
    rows_without_month: int
    public_may_create: bool
    privileges: list[Privilege]
    two_eyed_roles: list[str]
    vault: list[VaultKey]
    vault_faults: int


def check_server(site: Site) -> Server:
    """Returns the facts that any database has."""
    ((now, user, version, encoding, log_errors, log_statement),) = site.database.rows(SELECT_SERVER)
    history = dict(site.database.rows(SELECT_MIGRATIONS))
    return {
        "now": now,
        "user": user,
        "version": version,
        "encoding": encoding,
        "log_min_error_statement": log_errors,
        "log_statement": log_statement,
        "pending_migrations": [migration.name for migration in pending_migrations(history, load_migrations())],
    }


def check_schema(site: Site) -> Schema:
    """Returns the facts that only a migrated database has."""
    database = site.database
    ((ahead,),) = database.rows(SELECT_MONTHS_AHEAD)
    ((this_month,),) = database.rows(SELECT_THIS_MONTH)
    ((faults,),) = database.rows(COUNT_VAULT_FAULTS)
    with database.transaction() as cursor:
        found = find_differences(cursor)
    ((may_create,),) = database.rows(PUBLIC_MAY_CREATE)
    ((without_month,),) = database.rows(COUNT_DEFAULT)
    return {
        "months_ahead": ahead,
        "has_this_month": this_month,
        "rows_without_month": without_month,
        "public_may_create": may_create,
        "privileges": [
            {"role": role, "object": name, "privilege": privilege, "wanted": wanted}
            for wanted, each in ((True, found.lacking), (False, found.surplus))
            for role, name, privilege in each
        ],
        "two_eyed_roles": [role for (role,) in database.rows(SELECT_TWO_EYED)],
        "vault": [
            {"public_key": key, "data_keys": count, "newest": newest, "waiting_hours": hours}
            for key, count, newest, hours in database.rows(SELECT_VAULT_KEYS)
        ],
        "vault_faults": faults,
    }
