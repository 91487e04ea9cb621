"""The settings of the database server."""

DESCRIPTION = "TLS only, log-ins but no values in the log, connections as budgeted"
# No statement and no value of one in the server's log: not of a failed one, not in an error's detail or context.
QUIET_LOG = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
# Who logs in, from where and until when, kept for as long as RDS can: seven days.
LOGIN_LOG = {"log_connections": "1", "log_disconnections": "1", "rds.log_retention_period": "10080"}
# The first is RDS's own default. Each role sets what pgaudit logs of it: docs/how-to/analysts.md.
AUDIT_LIBRARIES = "pg_stat_statements,pgaudit"
# A query over all months of a table that is partitioned by day locks some 2,500 tables and indexes.
LOCKS_A_CONNECTION = 512


def server_parameters(max_connections: int, *, pgaudit: bool) -> dict[str, str]:
    """Return the parameter group's values; `pgaudit` loads the library and audits nothing by itself."""
    return {
        "rds.force_ssl": "1",
        "max_connections": str(max_connections),
        "max_locks_per_transaction": str(LOCKS_A_CONNECTION),
        **QUIET_LOG,
        **LOGIN_LOG,
        **({"shared_preload_libraries": AUDIT_LIBRARIES} if pgaudit else {}),
    }
