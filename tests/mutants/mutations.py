"""The lines that hold the promises up, each broken in one way, and the tests that must notice."""

from typing import NamedTuple

DATABASE = "lambda_src/database.py"
HANDLER = "lambda_src/handler.py"


class Mutation(NamedTuple):
    """`old`, which occurs once in `file`, becomes `new`; at least one of `tests` must fail then."""

    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "the end of the block is the COMMIT",
        DATABASE,
        "with self._cursor(terms) as cursor, cursor.connection:\n",
        "with self._cursor(terms) as cursor:\n            cursor.connection.autocommit = False\n",
        ("tests/integration/test_write.py::test_batch_of_bad_records_only",),
    ),
    Mutation(
        "one COMMIT: rows are not committed before the rejects",
        DATABASE,
        "                with self._transaction(terms) as cursor:\n                    cursor.copy_expert(COPY_LOGINS",
        "                with self._cursor(terms) as cursor:\n                    cursor.copy_expert(COPY_LOGINS",
        ("tests/integration/test_failures.py::test_rejects_are_locked_for_too_long",),
    ),
    Mutation(
        "one statement only where there are no rejects",
        DATABASE,
        "if stream.fill() and not rejects",
        "if stream.fill()",
        ("tests/integration/test_write.py::test_batch_of_bad_records_only",),
    ),
    Mutation(
        "one more try, not two",
        DATABASE,
        "            may_retry = False  #",
        "            may_retry = True  #",
        ("tests/chaos/test_tries.py::test_connection_cut_at_every_try",),
    ),
    Mutation(
        "one more try at all",
        DATABASE,
        "            may_retry = False  #",
        "            raise  #",
        ("tests/chaos/test_tries.py::test_connection_cut_once",),
    ),
    Mutation(
        "one more try of a merge",
        DATABASE,
        "            return self._merge(rows, rejects, terms, may_retry=False)",
        "            return self._merge(rows, rejects, terms, may_retry=True)",
        ("tests/chaos/test_tries.py::test_connection_cut_while_duplicates_are_merged",),
    ),
    Mutation(
        "a second try keeps the rows that were not read yet",
        DATABASE,
        "        self._take(None)\n",
        "",
        ("tests/chaos/test_tries.py::test_connection_cut_once", "tests/integration/test_failures.py"),
    ),
    Mutation(
        "rows that end in an error are not taken for all",
        DATABASE,
        "            self._failure = failure\n",
        "",
        ("tests/chaos/test_tries.py::test_memory_that_ends_in_the_middle_of_the_data",),
    ),
    Mutation(
        "no good record is rejected for want of memory",
        HANDLER,
        "            except MemoryError:\n                raise  #",
        "            except RecursionError:\n                raise  #",
        ("tests/chaos/test_tries.py::test_memory_that_ends_in_the_middle_of_the_data",),
    ),
    Mutation(
        "connecting takes no more time than there is",
        DATABASE,
        "min(CONNECT_SECONDS, give_up_at - time.monotonic())",
        "CONNECT_SECONDS",
        ("tests/chaos/test_tries.py::test_log_in_that_falls_silent_is_given_up_in_time",),
    ),
    Mutation(
        "an event that is there already is skipped",
        DATABASE,
        '    "ON CONFLICT DO NOTHING"\n',
        '    ""\n',
        ("tests/integration/test_write.py::test_batch_delivered_twice",),
    ),
    Mutation(
        "records are written in the order of their keys",
        HANDLER,
        "in sorted(self.records, key=event_key):",
        "in self.records:",
        ("tests/integration/test_concurrency.py",),
    ),
    Mutation(
        "a failed connection is dropped",
        DATABASE,
        "        if not isinstance(failure, BadRowError):\n            self.close()\n",
        "",
        ("tests/integration/test_failures.py::test_server_that_fails_over_in_the_middle_of_a_batch",),
    ),
    Mutation(
        "a row that the database refuses is found, its neighbours written",
        DATABASE,
        "            if len(rows) == 1:\n",
        "            if rows:\n",
        ("tests/integration/test_failures.py::test_row_that_the_database_refuses_is_rejected_alone",),
    ),
    Mutation(
        "both halves are written",
        DATABASE,
        "right = self._merge(rows[middle:], rejects",
        "right = self._merge(rows[middle + 1 :], rejects",
        ("tests/integration/test_failures.py::test_row_that_the_database_refuses_is_rejected_alone",),
    ),
    Mutation(
        "a deadlock is no fault of a row",
        DATABASE,
        'if state.startswith(("22", "23")):',
        'if state.startswith(("22", "23", "40")):',
        ("tests/integration/test_failures.py::test_deadlock",),
    ),
    Mutation(
        "a missing partition is no fault of a row",
        DATABASE,
        'if state == "23514" and error.diag.constraint_name is None:',
        "if False:",
        ("tests/integration/test_failures.py::test_schema_that_does_not_fit",),
    ),
    Mutation(
        "an error of ours does not carry psycopg2's along",
        DATABASE,
        "            failure.__context__ = None  #",
        "            pass  #",
        ("tests/security/test_privacy.py::test_no_exception_stays_in_memory",),
    ),
    Mutation(
        "an error's text is not Postgres'",
        DATABASE,
        'TransientError(f"Postgres did not take the batch this time (SQLSTATE {state}).")',
        "TransientError(str(error))",
        ("tests/security/test_privacy.py::test_no_exception_stays_in_memory",),
    ),
    Mutation(
        "an exception is not logged whole",
        HANDLER,
        "                self.rejects.append(_unexpected(record))\n",
        '                self.rejects.append(_unexpected(record))\n                logger.exception("unexpected")\n',
        ("tests/security/test_privacy.py::test_fault_of_our_own",),
    ),
    Mutation(
        "what was not written is reported",
        HANDLER,
        'return batch.failures(record["messageId"] for record in batch.records)',
        "return batch.failures(())",
        ("tests/chaos/test_tries.py::test_connection_cut_at_every_try",),
    ),
    Mutation(
        "rejects are reported",
        HANDLER,
        "    rejects = batch.rejects + result.rejected\n",
        "    rejects = batch.rejects[:0] + result.rejected\n",
        ("tests/integration/test_write.py::test_response_names_exactly_the_bad_records",),
    ),
    Mutation(
        "rejects of the database are reported",
        HANDLER,
        "    rejects = batch.rejects + result.rejected\n",
        "    rejects = batch.rejects\n",
        ("tests/integration/test_failures.py::test_row_that_the_database_refuses_is_rejected_alone",),
    ),
    Mutation(
        "only what is in quarantine goes unreported",
        HANDLER,
        "if reject.message_id not in batch.quarantined)",
        "if quarantine is None)",
        ("tests/security/test_privacy.py::test_quarantine_that_fails",),
    ),
    Mutation(
        "only what SQS has confirmed is in quarantine",
        "lambda_src/quarantine.py",
        'if entry["Id"] in confirmed}',
        'if entry["Id"]}',
        ("tests/chaos/test_quarantine.py",),
    ),
    Mutation(
        "quarantine comes before the COMMIT",
        DATABASE,
        "    terms.before_commit(rejects)\n",
        "",
        ("tests/integration/test_quarantine.py::test_rejects_are_sent_with_their_reason",),
    ),
    Mutation(
        "a FIFO group stops at its first failure",
        HANDLER,
        "if message_id in failed or group in stopped:",
        "if message_id in failed:",
        ("tests/integration/test_write.py::test_later_messages_of_a_fifo_group_are_held_back",),
    ),
    Mutation(
        "a write that cannot finish is given up",
        "lambda_src/watchdog.py",
        "time.monotonic() >= self._watched[1]",
        "time.monotonic() >= self._watched[1] + 3600",
        ("tests/chaos/test_tries.py::test_connection_that_falls_silent_is_given_up_in_time",),
    ),
    Mutation(
        "the salt is read again",
        "lambda_src/salt.py",
        "elif time.monotonic() >= self._fresh_until:",
        "elif False:",
        ("tests/integration/test_salt.py",),
    ),
    Mutation(
        "an old salt is better than none",
        "lambda_src/salt.py",
        "                self._fresh_until = time.monotonic() + RETRY_SECONDS\n",
        "                raise\n",
        ("tests/integration/test_salt.py",),
    ),
    Mutation(
        "ip and device_id have different pseudonyms",
        "lambda_src/masking.py",
        'b"device_id\\0"',
        'b"ip\\0"',
        ("tests/unit/test_masking.py",),
    ),
    Mutation(
        "the field's name is part of what is hashed",
        "lambda_src/masking.py",
        'hashlib.sha256(inner + b"ip\\0")',
        "hashlib.sha256(inner)",
        ("tests/unit/test_masking.py",),
    ),
    Mutation(
        "the salt is the key",
        "lambda_src/masking.py",
        "hashlib.sha256(key.translate(_OUTER)).copy",
        "hashlib.sha256().copy",
        ("tests/unit/test_masking.py",),
    ),
    Mutation(
        "a value cannot pass for two",
        DATABASE,
        '    if "\\\\" in text or',
        "    if False and",
        ("tests/integration/test_write.py",),
    ),
    Mutation(
        "what is merged is sealed as well",
        DATABASE,
        "                    terms.originals.write(cursor, rows)\n",
        "                    pass\n",
        ("tests/ops/test_recovery.py::test_each_pseudonym_once",),
    ),
    Mutation(
        "a producer's event_id is the event's",
        "lambda_src/contract.py",
        '            key = _attribute(attributes, "event_id") or message_id\n',
        "",
        ("tests/unit/test_contract.py", "tests/integration/test_write.py"),
    ),
    Mutation(
        "sent_timestamp is the event's date",
        "lambda_src/contract.py",
        '            sent = _attribute(attributes, "sent_timestamp")\n',
        "",
        ("tests/unit/test_contract.py", "tests/integration/test_write.py"),
    ),
    Mutation(
        "a month that holds logins is not made anew",
        "lambda_src/migrations/0023_days.sql",
        "        CONTINUE WHEN filled;\n",
        "",
        ("tests/integration/test_daily_partitions.py::test_month_that_holds_logins_stays_as_it_is",),
    ),
    Mutation(
        "who partitions by day waits for no reader for long",
        "lambda_src/migrations/0023_days.sql",
        " SET lock_timeout = '4s'",
        "",
        ("tests/integration/test_daily_partitions.py::test_split_waits_for_nobody_for_long",),
    ),
    Mutation(
        "locks of a function that is gone end",
        "lambda_src/migrations/0004_roles.sql",
        "SET idle_in_transaction_session_timeout = %L',\n                   current_database(), '60s');",
        "RESET idle_in_transaction_session_timeout',\n                   current_database());",
        ("tests/security/test_privileges.py::test_waits_of_the_function_are_bounded",),
    ),
    Mutation(
        "the function cannot read what it writes",
        "lambda_src/migrations/0004_roles.sql",
        "GRANT INSERT ON user_logins TO ingest;",
        "GRANT INSERT, SELECT ON user_logins TO ingest;",
        ("tests/security/test_privileges.py::test_function_may_do_what_it_needs_and_no_more",),
    ),
)
