"""The settings of the database server."""

DESCRIPTION = "TLS only, log-ins but no values in the log, connections as budgeted"
# The server's log holds no statement and no value, not even of a failed statement or in an error's detail or context.
QUIET_LOG = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
# The log holds each login and logout with its address. Seven days is RDS's longest retention.
LOGIN_LOG = {"log_connections": "1", "log_disconnections": "1", "rds.log_retention_period": "10080"}
# The first library is RDS's own default. Each role sets what pgaudit logs of its statements: docs/how-to/analysts.md.
AUDIT_LIBRARIES = "pg_stat_statements,pgaudit"
# With daily partitions, a query over all months locks some 2,500 tables and indexes.
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
