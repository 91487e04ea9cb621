"""The operations by operator and name, as the operator functions receive them: arguments and results are JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ops.errors import UsageError
from ops.operations import archives, audits, health, logins, pulses, removal, reports, restores, salts, vault
from ops.operations.site import Site

Json = Any  # what json.loads returns
Operation = Callable[..., object]


def _by_name(*operations: Operation) -> dict[str, Operation]:
    return {operation.__name__: operation for operation in operations}


# Each operator is a function of the deployed stack and a role of the database: no one has another's work done.
OPERATIONS: dict[str, dict[str, Operation]] = {
    # Reads what needs no salt.
    "reader": _by_name(
        reports.report,
        pulses.pulse,
        logins.reject_reasons,
        salts.highest_salt_version,
        salts.rows_by_version,
        audits.audit,
        audits.audit_chain,
        audits.note_salt,
        audits.note_shown,
        health.check_server,
        health.check_schema,
    ),
    # Has the salt. What tells the pseudonym of a value is limited and leaves an entry.
    "masker": _by_name(
        logins.mask,
        logins.remask,
        logins.lookup,
        salts.newest_salt_version,
        salts.doubled_salt_versions,
    ),
    "remover": _by_name(
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
        restores.restore_page,
        restores.restore_done,
    ),
    # Opens the vault for one pseudonym.
    "custodian": _by_name(vault.recover),
    # Opens the vault for all pseudonyms of a version of the salt.
    "linker": _by_name(vault.open_link, vault.link_page, vault.link_write),
}


def operator_of(name: str) -> str:
    """The operator whose work an operation is; raises UsageError."""
    for operator, operations in OPERATIONS.items():
        if name in operations:
            return operator
    raise UsageError(f"There is no operation {name!r}: are command line and operator function of one version?")


def run(name: str, arguments: Mapping[str, object], site: Site) -> Json:
    """Runs one operation; returns its result as JSON values. Does not close the site. Raises PipelineError."""
    operation = OPERATIONS[operator_of(name)][name]
    return json.loads(json.dumps(operation(site, **arguments)))
