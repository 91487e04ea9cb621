"""What runs next to the database: in the operator function, or in the command line where that reaches Postgres itself.

Arguments and results are JSON. Each operation is one of OPERATIONS; those of CUSTODIAN open the vault, and log in as
another role than the rest.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3

from lambda_src.contract import normal_form
from lambda_src.errors import SettingsError
from lambda_src.migrate import MIGRATIONS
from lambda_src.rejects import RecordError
from lambda_src.settings import load_database_settings
from ops.database import Database
from ops.errors import OpsError, UsageError
from ops.salts import SaltHistory
from ops.settings import load_settings, region

if TYPE_CHECKING:
    from psycopg2 import extensions

Json = Any  # what json.loads returns

ORPHANS_AT_ONCE = 20_000
UNFOLDED_AT_ONCE = 50_000  # pseudonyms: a second, in which removals wait
LOGIN_COLUMNS = (
    "event_id", "create_date", "user_id", "device_type", "locale", "app_version_name", "salt_version",
)  # fmt: skip

SELECT_REASONS = "SELECT event_id::text, reason, field FROM rejected_logins WHERE event_id = ANY (%s::uuid[])"
SELECT_ROWS_BY_VERSION = "SELECT salt_version, count(*) FROM user_logins GROUP BY salt_version"
SELECT_LOGINS = """
    SELECT {columns} FROM user_logins WHERE {column} = ANY (%s)
    ORDER BY create_date DESC, event_id LIMIT %s
"""
COUNT_LOGINS = "SELECT count(*), count(DISTINCT user_id) FROM user_logins WHERE {column} = ANY (%s)"
SELECT_DAYS = """
    SELECT create_date, logins, users, devices, ips FROM daily_logins
    WHERE create_date > (now() AT TIME ZONE 'UTC')::date - %s::integer ORDER BY create_date
"""
SELECT_SHARED = """
    SELECT {column}, users, logins, first_day, last_day FROM {view} WHERE users > 1
    ORDER BY users DESC, logins DESC, {column} LIMIT %s
"""
COUNT_SHARED = "SELECT count(*) FROM {view} WHERE users > 1"
SELECT_REJECTS = """
    SELECT (first_seen AT TIME ZONE 'UTC')::date, reason, count(*), sum(times) FROM rejected_logins
    WHERE (first_seen AT TIME ZONE 'UTC')::date > (now() AT TIME ZONE 'UTC')::date - %s::integer
    GROUP BY 1, 2 ORDER BY 1, 2
"""
FORGET = "SELECT logins, originals, links FROM forget_user(%s, %s, %s, %s, %s, %s)"
DROP_OLD = """
    SELECT month, logins FROM drop_old_logins(
        (date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => %s))::date, %s, %s, %s, %s)
"""
CREATE_AHEAD = "SELECT create_login_partitions((now() AT TIME ZONE 'UTC')::date, %s + 1)"
COUNT_SHARING = "SELECT count_sharing()"
UNFOLD = "SELECT vault.unfold(%s)"
DROP_ORPHANS = "SELECT originals, links FROM vault.drop_orphans(%s)"
DROP_UNUSED_KEYS = "SELECT vault.drop_unused_keys()"
SELECT_LINES = """
    SELECT l.event_id::text, l.create_date::text, login_line(l) FROM user_logins l
    WHERE l.create_date >= %s::date AND l.create_date < %s::date + interval '1 month'
      AND (l.event_id, l.create_date) > (%s::uuid, %s::date)
    ORDER BY l.event_id, l.create_date LIMIT %s
"""
DROP_ARCHIVED = "SELECT drop_archived_logins(%s, %s, %s, %s, %s, %s, %s)"
SELECT_FORGOTTEN = """
    SELECT salt_version, subject FROM audit.entries WHERE action = 'forget' AND at > %s::timestamptz
"""
RESTORE_LINES = """
    INSERT INTO user_logins
    SELECT login.* FROM unnest(%s::text[]) AS line,
        jsonb_populate_record(NULL::user_logins, line::jsonb || jsonb_build_object('written_at', now())) AS login
    ON CONFLICT DO NOTHING
"""
CREATE_MONTH = "SELECT create_login_partitions(%s, 1)"
INSERT_ENTRY = """
    INSERT INTO audit.entries (action, actor, request_id, reason, basis, subject, salt_version, counts)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
SELECT_ENTRIES = """
    SELECT id, at, action, actor, role, request_id, reason, basis, subject, salt_version, counts FROM audit.entries
    WHERE %s::text IS NULL OR action = %s ORDER BY id DESC LIMIT %s
"""
SEALED_ORIGINAL = "SELECT sealed, wrapped, public_key FROM vault.sealed_original(%s)"
SEALED_ORIGINALS = """
    SELECT pseudonym, sealed, data_key::text, wrapped, public_key FROM vault.sealed_originals(%s, %s, %s)
"""
LINK = "SELECT vault.link_pseudonyms(%s, %s, %s)"
SELECT_SERVER = """
    SELECT extract(epoch FROM clock_timestamp())::float8, current_user::text, current_setting('server_version'),
           pg_encoding_to_char(encoding), current_setting('log_min_error_statement'), current_setting('log_statement')
    FROM pg_database WHERE datname = current_database()
"""
SELECT_MIGRATIONS = "SELECT name, checksum FROM schema_migrations"
SELECT_MONTHS_AHEAD = """
    SELECT count(*) FROM login_months() WHERE month > date_trunc('month', now() AT TIME ZONE 'UTC')
"""
SELECT_THIS_MONTH = """
    SELECT EXISTS (SELECT FROM login_months() WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC'))
"""
COUNT_DEFAULT = "SELECT count(*) FROM user_logins_default"
SELECT_PRIVILEGES = """
    SELECT role, object, privilege, wanted, CASE
        WHEN to_regrole(role) IS NULL THEN NULL
        WHEN has_table_privilege(role, object, privilege) THEN true
        ELSE privilege <> 'DELETE' AND has_any_column_privilege(role, object, privilege)
    END
    FROM (VALUES
        ('ingest', 'user_logins', 'INSERT', true), ('ingest', 'rejected_logins', 'INSERT', true),
        ('ingest', 'rejected_logins', 'UPDATE', true), ('ingest', 'user_logins', 'DELETE', false),
        ('ingest', 'user_logins', 'UPDATE', false), ('ingest', 'vault.inbox', 'INSERT', true),
        ('ingest', 'vault.inbox', 'SELECT', false), ('ingest', 'vault.originals', 'SELECT', false),
        ('analyst', 'user_logins', 'SELECT', true), ('analyst', 'user_logins', 'INSERT', false),
        ('analyst', 'vault.originals', 'SELECT', false), ('operator', 'vault.inbox', 'SELECT', false),
        ('operator', 'user_logins', 'SELECT', true), ('operator', 'user_logins', 'DELETE', false),
        ('operator', 'vault.originals', 'SELECT', false), ('custodian', 'user_logins', 'SELECT', false),
        ('custodian', 'vault.originals', 'SELECT', false), ('operator', 'audit.entries', 'UPDATE', false),
        ('custodian', 'audit.entries', 'UPDATE', false)
    ) AS expected (role, object, privilege, wanted)
"""
SELECT_TWO_EYED = """
    SELECT rolname::text FROM pg_roles r
    WHERE NOT rolsuper AND rolname !~ '^(pg_|rds)' AND has_table_privilege(r.oid, 'user_logins', 'SELECT')
      AND has_table_privilege(r.oid, 'vault.originals', 'SELECT')
      AND r.oid <> (SELECT relowner FROM pg_class WHERE oid = 'vault.originals'::regclass)
    ORDER BY 1
"""
SELECT_VAULT_KEYS = """
    SELECT public_key, data_keys, newest, coalesce(extract(epoch FROM now() - waiting_since) / 3600, 0)::float8
    FROM vault.summary()
"""


@dataclass
class Site:
    """What operations work with; `actor` is the ARN of the caller, `request_id` the operator function's."""

    actor: Callable[[], str]
    request_id: str | None
    salt_parameter: str | None = None

    @cached_property
    def database(self) -> Database:
        """Postgres, as PG* names it; raises SettingsError."""
        try:
            return Database(load_database_settings())
        except SettingsError as error:
            raise SettingsError(
                f"{error} Or name the deployed stack with --stack, whose operator function reaches its database."
            ) from None

    @cached_property
    def salts(self) -> SaltHistory:
        """The salt in all its versions."""
        parameter = self.salt_parameter or load_settings().require("salt_parameter")
        return SaltHistory(boto3.client("ssm", region_name=region()), parameter)

    def close(self) -> None:
        """Lets go of the connection."""
        if "database" in self.__dict__:
            self.database.close()


def mask(site: Site, *, field: str, value: str) -> dict[str, Any]:
    """The pseudonym of a value under the newest salt."""
    version = site.salts.newest
    return {"field": field, "salt_version": version, "pseudonym": site.salts.mask(field, normal(field, value), version)}


def lookup(site: Site, *, field: str, value: str, limit: int) -> dict[str, Any]:
    """The logins with a value, under whichever salt they were masked."""
    original = normal(field, value)
    pseudonyms = {version: site.salts.mask(field, original, version) for version in sorted(site.salts.keys)}
    column = _column(field)
    wanted = list(pseudonyms.values())
    ((total, users),) = site.database.rows(COUNT_LOGINS.format(column=column), (wanted,))
    logins = site.database.rows(SELECT_LOGINS.format(columns=", ".join(LOGIN_COLUMNS), column=column), (wanted, limit))
    return {
        "field": field,
        "pseudonyms": [{"salt_version": version, "pseudonym": pseudonym} for version, pseudonym in pseudonyms.items()],
        "total": total,
        "users": users,
        "logins": [dict(zip(LOGIN_COLUMNS, login, strict=True)) for login in logins],
    }


def reject_reasons(site: Site, *, event_ids: list[str]) -> dict[str, tuple[str, str | None]]:
    """Reason and field of each rejected event."""
    return {event_id: (reason, field) for event_id, reason, field in site.database.rows(SELECT_REASONS, (event_ids,))}


def rows_by_version(site: Site) -> dict[str, int]:
    """How many logins each version of the salt has masked."""
    return {str(version): count for version, count in site.database.rows(SELECT_ROWS_BY_VERSION)}


def report(site: Site, *, days: int, top: int) -> dict[str, Any]:
    """Logins a day, devices and addresses that several users share, rejects a day and reason."""
    shared = {}
    for view, column in (("shared_devices", "masked_device_id"), ("shared_ips", "masked_ip")):
        ((count,),) = site.database.rows(COUNT_SHARED.format(view=view))
        rows = site.database.rows(SELECT_SHARED.format(view=view, column=column), (top,))
        names = ("pseudonym", "users", "logins", "first_day", "last_day")
        shared[view] = {"count": count, "top": [dict(zip(names, row, strict=True)) for row in rows]}
    day_names = ("day", "logins", "users", "devices", "ips")
    reject_names = ("day", "reason", "events", "deliveries")
    return {
        "days": [dict(zip(day_names, row, strict=True)) for row in site.database.rows(SELECT_DAYS, (days,))],
        **shared,
        "rejects": [dict(zip(reject_names, row, strict=True)) for row in site.database.rows(SELECT_REJECTS, (days,))],
    }


def forget(site: Site, *, user_id: str, reason: str, dry_run: bool) -> dict[str, Any]:
    """Removes a person's logins and what of the vault is theirs alone; a dry run takes it all back."""
    version = site.salts.newest
    hashed = site.salts.mask("user_id", user_id, version)
    _unfold(site)
    with site.database.transaction(roll_back=dry_run) as cursor:
        cursor.execute(FORGET, (user_id, hashed, version, site.actor(), site.request_id, reason))
        logins, originals, links = _first(cursor)
    if logins and not dry_run:
        # Else what was counted before would stand until the next count, which comes in any case.
        with suppress(OpsError):
            site.database.rows(COUNT_SHARING)
    return {"logins": logins, "originals": originals, "links": links, "dry_run": dry_run}


def retention(site: Site, *, months: int, ahead: int, reason: str, dry_run: bool) -> dict[str, Any]:
    """Drops what is older than `months` before this month, with what of the vault no login has any more."""
    if not dry_run:
        _unfold(site)
    with site.database.transaction() as cursor:
        cursor.execute(DROP_OLD, (months, dry_run, site.actor(), site.request_id, reason))
        rows = cursor.fetchall()
    dropped = [{"month": month and month.strftime("%Y-%m"), "logins": logins} for month, logins in rows]
    result = {"dropped": dropped, "made": 0, "originals": 0, "links": 0, "dry_run": dry_run}
    if dry_run:
        return result
    while True:
        with site.database.transaction() as cursor:
            cursor.execute(DROP_ORPHANS, (ORPHANS_AT_ONCE,))
            originals, links = _first(cursor)
        result["originals"] += originals
        result["links"] += links
        if originals + links == 0:
            break
    with site.database.transaction() as cursor:
        cursor.execute(DROP_UNUSED_KEYS)
    return result | upkeep(site, ahead=ahead)


def upkeep(site: Site, *, ahead: int) -> dict[str, Any]:
    """Makes the partitions of the coming months, counts who shares devices and addresses, and unfolds the vault."""
    with site.database.transaction() as cursor:
        cursor.execute(CREATE_AHEAD, (ahead,))
        (made,) = _first(cursor)
    site.database.rows(COUNT_SHARING)
    _unfold(site)  # last: after a busy hour it takes minutes
    return {"made": made}


def archive_page(site: Site, *, month: str, after: tuple[str, str], limit: int) -> dict[str, Any]:
    """The next lines of a month's archive, in the order of event_id."""
    rows = site.database.rows(SELECT_LINES, (month, month, *after, limit))
    return {"lines": [line for _, _, line in rows], "after": rows[-1][:2] if rows else None}


def archive_drop(site: Site, *, month: str, count: int, checksum: str, target: str, reason: str) -> dict[str, Any]:
    """Drops a month that holds exactly what was archived."""
    with site.database.transaction() as cursor:
        cursor.execute(DROP_ARCHIVED, (month, count, checksum, target, site.actor(), site.request_id, reason))
    return {"dropped": count}


def restore_page(site: Site, *, lines: list[str], month: str, archived_at: str) -> dict[str, Any]:
    """Writes lines of an archive back; leaves out people who were forgotten after it was made."""
    forgotten: dict[int, set[str]] = {}
    for version, hashed in site.database.rows(SELECT_FORGOTTEN, (archived_at,)):
        forgotten.setdefault(version, set()).add(hashed)
    missing = forgotten.keys() - site.salts.keys.keys() if forgotten else set()
    if missing:
        raise OpsError(
            f"People were forgotten since, under salt versions that SSM no longer has ({sorted(missing)}): the archive "
            "cannot be told apart from them, and stays out."
        )

    def is_forgotten(line: str) -> bool:
        user_id = json.loads(line)["user_id"]
        return any(site.salts.mask("user_id", user_id, version) in hashes for version, hashes in forgotten.items())

    kept = [line for line in lines if not is_forgotten(line)]
    with site.database.transaction() as cursor:
        cursor.execute(CREATE_MONTH, (month,))
        cursor.execute(RESTORE_LINES, (kept,))
        written = cursor.rowcount
    return {"written": written, "there_already": len(kept) - written, "forgotten": len(lines) - len(kept)}


def restore_done(site: Site, *, month: str, counts: dict[str, int], reason: str) -> dict[str, Any]:
    """Writes the audit entry of a restored month."""
    return {"entry": _write_entry(site, "restore", reason, subject=month, counts=counts)}


def audit(site: Site, *, action: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest entries of the audit table."""
    names = (
        "id", "at", "action", "actor", "role", "request_id", "reason", "basis", "subject", "salt_version", "counts",
    )  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in site.database.rows(SELECT_ENTRIES, (action, action, limit))]


def recover(site: Site, *, pseudonym: str, reason: str, basis: str) -> dict[str, Any]:
    """Writes the audit entry and commits it; only then hands over the sealed original."""
    entry = _write_entry(site, "recover", reason, subject=pseudonym, basis=basis)
    _unfold(site)
    found = site.database.rows(SEALED_ORIGINAL, (entry,))
    if not found:
        return {"entry": entry, "sealed": None}
    sealed, wrapped, public_key = found[0]
    return {
        "entry": entry,
        "sealed": sealed.hex(),
        "wrapped": wrapped.hex(),
        "public_key": public_key.hex(),
    }


def open_link(site: Site, *, old: int, new: int, reason: str) -> dict[str, Any]:
    """Writes the audit entry that lets the originals of one salt version out, sealed."""
    _unfold(site)
    return {"entry": _write_entry(site, "link", reason, subject=str(new), salt_version=old)}


def link_page(site: Site, *, entry: int, after: str, limit: int) -> list[dict[str, Any]]:
    """The next sealed originals that a link is about."""
    return [
        {
            "pseudonym": pseudonym,
            "sealed": sealed.hex(),
            "data_key": data_key,
            "wrapped": wrapped.hex(),
            "public_key": public_key.hex(),
        }
        for pseudonym, sealed, data_key, wrapped, public_key in site.database.rows(
            SEALED_ORIGINALS, (entry, after, limit)
        )
    ]


def link_write(site: Site, *, entry: int, old: list[str], new: list[str]) -> dict[str, Any]:
    """Writes pairs of pseudonyms of the same original."""
    with site.database.transaction() as cursor:
        cursor.execute(LINK, (entry, old, new))
        (written,) = _first(cursor)
    return {"written": written}


def check_database(site: Site) -> dict[str, Any]:
    """What `doctor` wants to know of the database."""
    database = site.database
    ((now, user, version, encoding, log_errors, log_statement),) = database.rows(SELECT_SERVER)
    facts: dict[str, Any] = {
        "now": now,
        "user": user,
        "version": version,
        "encoding": encoding,
        "log_min_error_statement": log_errors,
        "log_statement": log_statement,
        "pending_migrations": _pending_migrations(dict(database.rows(SELECT_MIGRATIONS))),
    }
    if facts["pending_migrations"]:
        return facts
    ((ahead,),) = database.rows(SELECT_MONTHS_AHEAD)
    ((this_month,),) = database.rows(SELECT_THIS_MONTH)
    ((in_net,),) = database.rows(COUNT_DEFAULT)
    names = ("role", "object", "privilege", "wanted", "held")
    return facts | {
        "months_ahead": ahead,
        "has_this_month": this_month,
        "rows_without_month": in_net,
        "privileges": [dict(zip(names, row, strict=True)) for row in database.rows(SELECT_PRIVILEGES)],
        "two_eyed_roles": [role for (role,) in database.rows(SELECT_TWO_EYED)],
        "vault": [
            {"public_key": key, "data_keys": count, "newest": newest, "waiting_hours": hours}
            for key, count, newest, hours in database.rows(SELECT_VAULT_KEYS)
        ],
    }


def normal(field: str, value: str) -> str:
    """A value in the form in which it is masked; raises UsageError."""
    try:
        return normal_form(field, value.strip() if field == "ip" else value)
    except RecordError:
        raise UsageError("This is no IPv4 or IPv6 address (one with a scope id is not, either).") from None


def run(name: str, arguments: Mapping[str, Any], site: Site) -> Json:
    """Runs one operation; its result as JSON knows it. Raises PipelineError."""
    operation = OPERATIONS.get(name) or CUSTODIAN.get(name)
    if operation is None:
        raise UsageError(f"There is no operation {name!r}: are command line and operator function of one version?")
    with closing(site):
        return json.loads(json.dumps(operation(site, **arguments), default=str))


def _pending_migrations(history: Mapping[str, str]) -> list[str]:
    """Those that the database has not had in their present form."""
    return [
        path.stem
        for path in sorted(MIGRATIONS.glob("*.sql"))
        if history.get(path.stem) != hashlib.sha256(path.read_bytes()).hexdigest()
    ]


def _write_entry(
    site: Site,
    action: str,
    reason: str,
    *,
    subject: str,
    basis: str | None = None,
    salt_version: int | None = None,
    counts: dict[str, int] | None = None,
) -> int:
    values = (action, site.actor(), site.request_id, reason, basis, subject, salt_version, json.dumps(counts or {}))
    with site.database.transaction() as cursor:
        cursor.execute(INSERT_ENTRY, values)
        (entry,) = _first(cursor)
    return int(entry)


def _column(field: str) -> str:
    return f"masked_{field}"


def _unfold(site: Site) -> None:
    """Makes the vault whole: what the function has sealed since the last time is in one row a batch."""
    unfolded = UNFOLDED_AT_ONCE
    while unfolded >= UNFOLDED_AT_ONCE:  # fewer: all that was there is done; more comes in all the time
        with site.database.transaction() as cursor:
            cursor.execute(UNFOLD, (UNFOLDED_AT_ONCE,))
            (unfolded,) = _first(cursor)


def _first(cursor: "extensions.cursor") -> tuple[Any, ...]:
    row = cursor.fetchone()
    if row is None:
        raise OpsError("Postgres gave no row where one was due. Run the migrations.")
    return row


OPERATIONS: dict[str, Callable[..., Any]] = {
    operation.__name__: operation
    for operation in (
        mask, lookup, reject_reasons, rows_by_version, report, forget, retention, upkeep, archive_page, archive_drop,
        restore_page, restore_done, audit, check_database,
    )
}  # fmt: skip
CUSTODIAN: dict[str, Callable[..., Any]] = {
    operation.__name__: operation for operation in (recover, open_link, link_page, link_write)
}
