"""Lines of tables, roles and functions of the database, and of what calls them."""

from tests.mutants.mutation import Mutation

SCHEMA = (
    Mutation(
        "retention leaves what is not old",
        "lambda_src/migrations/functions/drop_old_logins.sql",
        "            DELETE FROM public.user_logins_default d WHERE d.create_date < date_trunc('month', keep_from);",
        "            DELETE FROM public.user_logins_default d;",
        ("tests/ops/test_retention.py::test_retention_keeps_what_is_not_old",),
    ),
    Mutation(
        "rejects leave by their age",
        "lambda_src/migrations/functions/drop_old_logins.sql",
        "r.last_seen < date_trunc('month', keep_from)",
        "r.first_seen < date_trunc('month', keep_from)",
        ("tests/ops/test_retention.py::test_retention_drops_old_rejects",),
    ),
    Mutation(
        "what others share outlives an erasure",
        "lambda_src/migrations/functions/forget_user.sql",
        "unnest($1) AS p WHERE ' || public.without_login('p')",
        "unnest($1) AS p'",
        ("tests/ops/test_recovery.py::test_forget",),
    ),
    Mutation(
        "an erasure has an entry that names the person",
        "lambda_src/migrations/functions/forget_user.sql",
        "audit.append('forget', who, request, why, audit.hash_person(forgotten),",
        "audit.append('forget', who, request, why, audit.hash_person(why),",
        ("tests/ops/test_archive.py",),
    ),
    Mutation(
        "a month that holds logins is not made anew",
        "lambda_src/migrations/functions/split_login_months.sql",
        "        CONTINUE WHEN filled;\n",
        "",
        ("tests/integration/test_daily_partitions.py::test_month_that_holds_logins_stays_as_it_is",),
    ),
    Mutation(
        "who partitions by day waits for no reader for long",
        "lambda_src/migrations/functions/split_login_months.sql",
        " SET lock_timeout = '4s'",
        "",
        ("tests/integration/test_daily_partitions.py::test_split_waits_for_nobody_for_long",),
    ),
    Mutation(
        "a restore tells later erasures by their number",
        "ops/operations/archives.py",
        "e.action = 'forget' AND e.id > newest.entry",
        "e.action = 'forget' AND e.id < newest.entry",
        ("tests/ops/test_archive.py",),
    ),
    Mutation(
        "a restore leaves out who was forgotten",
        "ops/operations/archives.py",
        "NOT IN (SELECT f.subject FROM forgotten f)",
        "IS NOT NULL",
        ("tests/ops/test_archive.py",),
    ),
    Mutation(
        "an original is held against its pseudonym",
        "ops/recovery.py",
        "if field not in MASKED or self._mask(field, original, version) != pseudonym:",
        "if field not in MASKED:",
        ("tests/ops/test_recovery.py",),
    ),
    Mutation(
        "a salt is replaced by rotation only",
        "ops/salts.py",
        "kms_key, overwrite=False, above=above)",
        "kms_key, overwrite=True, above=above)",
        ("tests/ops/test_salts.py",),
    ),
    Mutation(
        "a new salt has a number that was never used",
        "lambda_src/new_salt.py",
        "if version >= above else USED_NUMBER",
        "if version >= 0 else USED_NUMBER",
        ("tests/ops/test_salts.py", "tests/integration/test_salt_versions.py"),
    ),
    Mutation(
        "locks of a function that is gone end",
        "lambda_src/migrations/0006_roles.sql",
        "SET idle_in_transaction_session_timeout = %L',\n                   current_database(), '60s');",
        "RESET idle_in_transaction_session_timeout',\n                   current_database());",
        ("tests/security/test_privileges.py::test_waits_are_bounded",),
    ),
    Mutation(
        "the function cannot read what it writes",
        "lambda_src/privileges.py",
        '"TABLE public.user_logins": {"ingest": "INSERT",',
        '"TABLE public.user_logins": {"ingest": "INSERT SELECT",',
        ("tests/security/test_privileges.py::test_function_may_do_what_it_needs_and_no_more",),
    ),
)
