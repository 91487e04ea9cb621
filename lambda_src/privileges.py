"""Who may do what with the database: one table, which each migration brings about and `doctor` compares."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from psycopg2 import extensions

ROLES = ("ingest", "analyst", "reader", "masker", "remover", "custodian", "linker")
PUBLIC = "PUBLIC"
NEEDS_AUDIT = ("reader", "masker", "remover", "custodian", "linker")

# Each object of the pipeline, and what each role may do with it. The owner may do everything, anybody else nothing.
# Partitions are not here: roles reach their rows through user_logins.
PRIVILEGES: dict[str, dict[str, str]] = {
    "DATABASE": dict.fromkeys(ROLES, "CONNECT") | {"ingest": "CONNECT TEMPORARY"},
    "SCHEMA public": dict.fromkeys(ROLES, "USAGE"),
    "SCHEMA audit": dict.fromkeys(NEEDS_AUDIT, "USAGE"),
    "SCHEMA vault": dict.fromkeys(("ingest", "reader", "remover", "custodian", "linker"), "USAGE"),
    # The function adds rows. ON CONFLICT without a target needs no SELECT. The remover brings archives back.
    "TABLE public.user_logins": {
        "ingest": "INSERT",
        "remover": "SELECT INSERT",
        **dict.fromkeys(("analyst", "reader", "masker"), "SELECT"),
    },
    "TABLE public.user_logins_default": {"reader": "SELECT"},
    "TABLE public.rejected_logins": {"ingest": "INSERT", "analyst": "SELECT", "reader": "SELECT", "remover": "SELECT"},
    # ON CONFLICT DO UPDATE needs SELECT on its target and on each column that it reads from `excluded`.
    "COLUMN public.rejected_logins.event_id": {"ingest": "SELECT"},
    "COLUMN public.rejected_logins.message_id": {"ingest": "SELECT UPDATE"},
    "COLUMN public.rejected_logins.reason": {"ingest": "SELECT UPDATE"},
    "COLUMN public.rejected_logins.field": {"ingest": "SELECT UPDATE"},
    "COLUMN public.rejected_logins.last_seen": {"ingest": "SELECT UPDATE"},
    "COLUMN public.rejected_logins.times": {"ingest": "SELECT UPDATE"},
    "TABLE public.pseudonym_links": {"analyst": "SELECT", "reader": "SELECT"},
    "TABLE public.counted_ips": {"analyst": "SELECT"},
    "TABLE public.counted_devices": {"analyst": "SELECT"},
    "TABLE public.daily_logins": {"analyst": "SELECT", "reader": "SELECT"},
    "TABLE public.linked_logins": {"analyst": "SELECT"},
    "TABLE public.shared_devices": {"analyst": "SELECT", "reader": "SELECT"},
    "TABLE public.shared_ips": {"analyst": "SELECT", "reader": "SELECT"},
    "TABLE public.sharing_counted": {},
    "TABLE public.salt_versions": {"reader": "SELECT", "masker": "SELECT"},
    "TABLE public.schema_migrations": {"reader": "SELECT", "remover": "SELECT"},
    "TABLE audit.entries": {"reader": "SELECT", "remover": "SELECT"},
    # The newest hash, for the log.
    "COLUMN audit.entries.id": dict.fromkeys(("masker", "custodian", "linker"), "SELECT"),
    "COLUMN audit.entries.hash": dict.fromkeys(("masker", "custodian", "linker"), "SELECT"),
    "TABLE audit.person_key": {},
    "TABLE audit.value_limit": {},
    # The function puts in and never takes out.
    "TABLE vault.inbox": {"ingest": "INSERT"},
    "TABLE vault.inbox_faults": {},
    "TABLE vault.answers": {},
    "TABLE vault.data_keys": {},
    "TABLE vault.originals": {},
    "TABLE vault.orphaned": {},
    "FUNCTION audit.append": {},
    "FUNCTION audit.hash_person": {"remover": "EXECUTE"},
    "FUNCTION audit.lock_removals": {"remover": "EXECUTE"},
    "FUNCTION audit.note": dict.fromkeys(("reader", "remover", "custodian", "linker"), "EXECUTE"),
    "FUNCTION audit.note_value": {"masker": "EXECUTE"},
    "FUNCTION audit.refuse_change": {},
    "FUNCTION public.analyze_tables_with": {},
    "FUNCTION public.app_version_text": {"analyst": "EXECUTE"},
    "FUNCTION public.clear_shared_statistics": {},
    "FUNCTION public.count_sharing": {"remover": "EXECUTE"},
    "FUNCTION public.create_login_partitions": {"remover": "EXECUTE"},
    "FUNCTION public.drop_archived_logins": {"remover": "EXECUTE"},
    "FUNCTION public.drop_old_logins": {"remover": "EXECUTE"},
    "FUNCTION public.forget_user": {"remover": "EXECUTE"},
    "FUNCTION public.index_masked_columns": {},
    "FUNCTION public.line_checksum": {},
    "FUNCTION public.login_line": {"remover": "EXECUTE"},
    "FUNCTION public.login_months": {"reader": "EXECUTE"},
    "FUNCTION public.make_login_month": {},
    "FUNCTION public.masked_columns": {},
    "FUNCTION public.register_salt": {"ingest": "EXECUTE"},
    "FUNCTION public.sharing_counted_through": {"analyst": "EXECUTE", "reader": "EXECUTE"},
    "FUNCTION public.split_login_months": {},
    "FUNCTION public.statistics_with": {},
    "FUNCTION public.without_login": {},
    "FUNCTION vault.begin_answer": {},
    "FUNCTION vault.check_entry": {},
    "FUNCTION vault.count_faults": {"reader": "EXECUTE"},
    "FUNCTION vault.drop_orphans": {"remover": "EXECUTE"},
    "FUNCTION vault.drop_unused_keys": {"remover": "EXECUTE"},
    "FUNCTION vault.link_pseudonyms": {"linker": "EXECUTE"},
    "FUNCTION vault.sealed_original": {"custodian": "EXECUTE"},
    "FUNCTION vault.sealed_originals": {"linker": "EXECUTE"},
    "FUNCTION vault.summary": {"reader": "EXECUTE"},
    "FUNCTION vault.unfold": dict.fromkeys(("remover", "custodian", "linker"), "EXECUTE"),
}

# A row for each privilege of a role or of PUBLIC on an object of the pipeline, and for each object without any. What
# else is in schema public, another owner's function of the same name for one, is not the pipeline's.
SELECT_HELD = """
    WITH named AS (SELECT unnest(%s::text[]) AS object), objects (object, target, part, acl) AS (
        SELECT 'DATABASE', format('DATABASE %%I', datname), '', coalesce(datacl, acldefault('d', datdba))
        FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT 'SCHEMA ' || nspname, format('SCHEMA %%I', nspname), '', nspacl
        FROM pg_namespace WHERE nspname IN ('public', 'audit', 'vault')
        UNION ALL
        SELECT format('TABLE %%s.%%s', nspname, relname), format('TABLE %%I.%%I', nspname, relname), '', relacl
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND (
            nspname IN ('audit', 'vault') OR format('TABLE %%s.%%s', nspname, relname) IN (TABLE named)
            OR c.oid IN (SELECT relid FROM pg_partition_tree('public.user_logins')))
        UNION ALL
        SELECT format('COLUMN %%s.%%s.%%s', nspname, relname, attname), format('TABLE %%I.%%I', nspname, relname),
               format(' (%%I)', attname), attacl
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE a.attnum > 0 AND NOT a.attisdropped AND (
            format('COLUMN %%s.%%s.%%s', nspname, relname, attname) IN (TABLE named) OR a.attacl IS NOT NULL AND (
                nspname IN ('audit', 'vault') OR format('TABLE %%s.%%s', nspname, relname) IN (TABLE named)
                OR c.oid IN (SELECT relid FROM pg_partition_tree('public.user_logins'))))
        UNION ALL
        SELECT format('FUNCTION %%s.%%s', nspname, proname),
               format('FUNCTION %%I.%%I(%%s)', nspname, proname, pg_get_function_identity_arguments(p.oid)), '',
               coalesce(proacl, acldefault('f', proowner))
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE nspname IN ('audit', 'vault') OR format('FUNCTION %%s.%%s', nspname, proname) IN (TABLE named)
              AND proowner = (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.schema_migrations'))
    ), roles (oid, role) AS (
        SELECT oid, rolname::text FROM pg_roles WHERE rolname = ANY (%s) UNION ALL SELECT 0, 'PUBLIC'
    )
    SELECT o.object, o.target, o.part, held.role, held.privilege
    FROM objects o LEFT JOIN LATERAL (
        SELECT r.role, a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS privilege
        FROM aclexplode(o.acl) AS a JOIN roles r ON r.oid = a.grantee
    ) AS held ON true
"""


class Privilege(NamedTuple):
    """What a role may do with an object."""

    role: str
    object: str
    privilege: str


class Differences(NamedTuple):
    """The privileges that roles lack, and those that they should not have; and each object's name in SQL."""

    lacking: list[Privilege]
    surplus: list[Privilege]
    targets: dict[str, tuple[str, str]]  # what follows ON, and the column in parentheses


def wanted_privileges() -> set[Privilege]:
    """The table as single privileges."""
    return {
        Privilege(role, name, privilege)
        for name, roles in PRIVILEGES.items()
        for role, privileges in roles.items()
        for privilege in privileges.split()
    }


def find_differences(cursor: "extensions.cursor") -> Differences:
    """Compares the database's catalogue with the table, in both directions."""
    cursor.execute(SELECT_HELD, (list(PRIVILEGES), list(ROLES)))
    held, targets = set(), {}
    for name, target, part, role, privilege in cursor.fetchall():
        targets[name] = target, part
        if role is not None:
            held.add(Privilege(role, name, privilege))
    wanted = wanted_privileges()
    # What PUBLIC may do in schema public is for public_schema: others can depend on it.
    surplus = {each for each in held - wanted if each[:2] != (PUBLIC, "SCHEMA public")}
    return Differences(sorted(wanted - held), sorted(surplus), targets)


def apply_privileges(cursor: "extensions.cursor") -> None:
    """Takes what roles should not have, and gives them what they lack."""
    for statement in _statements(find_differences(cursor)):
        cursor.execute(statement)


def _statements(found: Differences) -> Iterator[str]:
    for role, name, privilege in found.surplus:
        target, part = found.targets[name]
        yield f"REVOKE {privilege.removesuffix(' WITH GRANT OPTION')}{part} ON {target} FROM {role}"
    for role, name, privilege in found.lacking:
        if name in found.targets:
            target, part = found.targets[name]
            yield f"GRANT {privilege}{part} ON {target} TO {role}"
