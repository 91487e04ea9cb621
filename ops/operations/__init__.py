"""Operations next to the database: in an operator function, or in a command line with direct access to Postgres.

An operation takes a Site and keyword arguments; arguments and results are JSON. `Target.call` runs one by its function.
"""

from ops.operations.archives import (
    archive_begin,
    archive_drop,
    archive_kept,
    archive_page,
    count_erasures,
    known_archives,
    note_erasure,
    note_expiry,
)
from ops.operations.audits import audit, audit_chain, note_salt, note_shown
from ops.operations.health import check_schema, check_server
from ops.operations.logins import lookup, mask, reject_reasons, remask
from ops.operations.pulses import pulse
from ops.operations.removal import forget, retention, upkeep
from ops.operations.reports import report
from ops.operations.restores import restore_done, restore_page
from ops.operations.salts import doubled_salt_versions, highest_salt_version, newest_salt_version, rows_by_version
from ops.operations.vault import link_page, link_write, open_link, recover

__all__ = [
    "archive_begin",
    "archive_drop",
    "archive_kept",
    "archive_page",
    "audit",
    "audit_chain",
    "check_schema",
    "check_server",
    "count_erasures",
    "doubled_salt_versions",
    "forget",
    "highest_salt_version",
    "known_archives",
    "link_page",
    "link_write",
    "lookup",
    "mask",
    "newest_salt_version",
    "note_erasure",
    "note_expiry",
    "note_salt",
    "note_shown",
    "open_link",
    "pulse",
    "recover",
    "reject_reasons",
    "remask",
    "report",
    "restore_done",
    "restore_page",
    "retention",
    "rows_by_version",
    "upkeep",
]
