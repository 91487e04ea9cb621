"""The operations by name, as the operator functions receive them: arguments and results are JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ops.errors import UsageError
from ops.operations import archives, audits, health, logins, pulses, removal, reports, salts, vault
from ops.operations.site import Site

Json = Any  # what json.loads returns
Operation = Callable[..., object]


def _by_name(*operations: Operation) -> dict[str, Operation]:
    return {operation.__name__: operation for operation in operations}


OPERATOR = _by_name(
    logins.mask,
    logins.remask,
    logins.lookup,
    logins.reject_reasons,
    salts.doubled_salt_versions,
    salts.highest_salt_version,
    salts.rows_by_version,
    reports.report,
    pulses.pulse,
    removal.forget,
    removal.retention,
    removal.upkeep,
    archives.archive_begin,
    archives.archive_page,
    archives.archive_drop,
    archives.archive_kept,
    archives.count_erasures,
    archives.note_erasure,
    archives.note_expiry,
    archives.known_archives,
    archives.restore_page,
    archives.restore_done,
    audits.audit,
    audits.audit_chain,
    audits.note_salt,
    audits.note_shown,
    health.check_server,
    health.check_schema,
)
# They open the vault, and log in as another role than the rest.
CUSTODIAN = _by_name(vault.recover, vault.open_link, vault.link_page, vault.link_write)


def run(name: str, arguments: Mapping[str, object], site: Site) -> Json:
    """Runs one operation; returns its result as JSON values. Does not close the site. Raises PipelineError."""
    operation = OPERATOR.get(name) or CUSTODIAN.get(name)
    if operation is None:
        raise UsageError(f"There is no operation {name!r}: are command line and operator function of one version?")
    return json.loads(json.dumps(operation(site, **arguments)))
