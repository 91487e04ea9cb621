"""The database: server, schema, partitions, privileges, logging."""

import time
from collections.abc import Iterator

from lambda_src.public_schema import REVOKE
from ops import operations
from ops.checks.clock import judge_skew
from ops.checks.finding import Finding, Status
from ops.checks.vault import check_vault
from ops.operations.health import Schema
from ops.target import Target

FEWEST_MONTHS_AHEAD = 2


def check_database(target: Target) -> Iterator[Finding]:
    """Yields all findings of the database and the vault."""
    if not target.has_database:
        advice = "Set PG* or READER_FUNCTION, or give --stack, to have it checked."
        yield Finding("database", Status.SKIPPED, "not known", advice)
        return
    facts = target.call(operations.check_server)
    yield Finding("database", Status.OK, f"PostgreSQL {facts['version']}, as {facts['user']}")
    if facts["encoding"] != "UTF8":
        advice = "Create a new database with ENCODING 'UTF8': other encodings refuse or change texts."
        yield Finding("encoding", Status.ERROR, facts["encoding"], advice)
    yield judge_skew("database clock", facts["now"] - time.time(), "the database")
    if facts["pending_migrations"]:
        missing = ", ".join(facts["pending_migrations"])
        advice = "Run python -m lambda_src.migrate (in AWS: deploy). Restore an applied file that was changed."
        yield Finding("schema", Status.ERROR, f"missing or different: {missing}", advice)
        return
    yield Finding("schema", Status.OK, "all migrations applied")
    schema = target.call(operations.check_schema)
    yield from _check_partitions(schema)
    yield from _check_privileges(schema)
    if schema["public_may_create"]:
        advice = f"{REVOKE} (python -m lambda_src.migrate --revoke-public-create), once nobody needs it."
        yield Finding("schema public", Status.WARNING, "every role may create objects in it", advice)
    if facts["log_min_error_statement"] not in ("panic", "fatal"):
        advice = "Set it to panic: a failing statement is logged with its values otherwise."
        yield Finding("log_min_error_statement", Status.WARNING, facts["log_min_error_statement"], advice)
    if facts["log_statement"] not in ("none", "ddl"):
        advice = "Set it to none or ddl: statements are logged with their values."
        yield Finding("log_statement", Status.WARNING, facts["log_statement"], advice)
    yield from check_vault(target, schema["vault"], schema["vault_faults"])


def _check_partitions(facts: Schema) -> Iterator[Finding]:
    found = f"{facts['months_ahead']} months ahead, {facts['rows_without_month']:,} logins without a month"
    advice = "Run `retention`, or check that its schedule runs: it makes the partitions of the coming months."
    if not facts["has_this_month"]:
        yield Finding("partitions", Status.ERROR, f"none for this month; {found}", advice)
    elif facts["months_ahead"] < FEWEST_MONTHS_AHEAD:
        yield Finding("partitions", Status.WARNING, found, advice)
    else:
        yield Finding("partitions", Status.OK, found)


def _check_privileges(facts: Schema) -> Iterator[Finding]:
    wrong = [
        f"{row['role']} {'lacks' if row['wanted'] else 'should not have'} {row['privilege']} on {row['object']}"
        for row in facts["privileges"]
    ]
    wrong += [f"{role} reads both user_logins and the vault" for role in facts["two_eyed_roles"]]
    if wrong:
        advice = "Run python -m lambda_src.migrate (in AWS: deploy): it sets what lambda_src/privileges.py says."
        yield Finding("privileges", Status.ERROR, "; ".join(wrong), advice)
    else:
        yield Finding("privileges", Status.OK, "as they should be")
