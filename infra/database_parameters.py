"""The settings of the database server."""

DESCRIPTION = "TLS only, no statement in the log, connections as budgeted"
# No statement and no value of one in the server's log: not of a failed one, not in an error's detail or context.
QUIET_LOG = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
# A query over all months of a table that is partitioned by day locks some 2,500 tables and indexes.
LOCKS_A_CONNECTION = 512


def server_parameters(max_connections: int) -> dict[str, str]:
    """Return the parameter group's values."""
    return {
        "rds.force_ssl": "1",
        "max_connections": str(max_connections),
        "max_locks_per_transaction": str(LOCKS_A_CONNECTION),
        **QUIET_LOG,
    }
