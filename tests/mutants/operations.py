"""Lines of the operator's command line and of what it calls in the database."""

from tests.mutants.mutation import Mutation

RESTORES = "ops/operations/restores.py"
FILES = "ops/archive_files.py"
ARCHIVE_TESTS = "tests/ops/test_archive.py"
DAMAGE_TESTS = "tests/ops/test_archive_damage.py"
LIMIT_TESTS = "tests/ops/test_value_limit.py"

OPERATIONS = (
    Mutation(
        "a damaged file is no archive",
        FILES,
        'if hashlib.sha256(data).hexdigest() != file["sha256"]:',
        "if False:",
        (DAMAGE_TESTS,),
    ),
    Mutation(
        "an archive is never replaced",
        "ops/places.py",
        "os.link(draft, target)  #",
        "draft.rename(target), draft.touch()  #",
        (DAMAGE_TESTS, "tests/unit/test_places.py"),
    ),
    Mutation(
        "nobody else may read an archive",
        "ops/places.py",
        "draft.touch(mode=0o600)",
        "draft.touch()",
        ("tests/unit/test_places.py",),
    ),
    Mutation(
        "a folder without a manifest is no archive",
        FILES,
        "for folder, is_complete in folders.items() if is_complete]\n",
        "for folder, is_complete in folders.items()]\n",
        (DAMAGE_TESTS,),
    ),
    Mutation(
        "a restored login is there once",
        RESTORES,
        "    ORDER BY event_id, create_date\n    ON CONFLICT DO NOTHING\n",
        "    ORDER BY event_id, create_date\n",
        (ARCHIVE_TESTS,),
    ),
    Mutation(
        "an error of Postgres shows no value",
        "ops/database.py",
        'SPEAKING_CLASSES = ("42",',
        'SPEAKING_CLASSES = ("23", "22", "42",',
        (f"{DAMAGE_TESTS}::test_refused_restore_prints_no_values",),
    ),
    Mutation(
        "a dry run of an erasure changes nothing",
        "ops/operations/removal.py",
        "arguments), roll_back=dry_run)",
        "arguments), roll_back=False)",
        ("tests/ops/test_forget.py::test_forget",),
    ),
    Mutation(
        "an original is opened after its audit entry only",
        "ops/operations/vault.py",
        'entry = write_entry(site, "recover", reason, subject=pseudonym, basis=basis)',
        "entry = 1",
        ("tests/ops/test_recovery.py::test_recover",),
    ),
    Mutation(
        "each operation runs in the function whose work it is",
        "ops/target.py",
        'self.settings.require(f"{operator}_function")',
        'self.settings.require("remover_function")',
        ("tests/ops/test_operator.py::test_all_commands",),
    ),
    Mutation(
        "an operator function does no work of the others",
        "ops/operator.py",
        'if name not in OPERATIONS[os.environ["OPERATIONS"]]:',
        "if not any(name in names for names in OPERATIONS.values()):",
        ("tests/ops/test_operator.py::test_function_does_no_work_of_the_others",),
    ),
    Mutation(
        "a value beyond the limit is not masked",
        "ops/operations/audits.py",
        "    if entry is None:\n        next_second",
        "    if False:\n        next_second",
        (f"{LIMIT_TESTS}::test_value_beyond_the_limit_is_refused",),
    ),
    Mutation(
        "a value is masked after its audit entry only",
        "ops/operations/logins.py",
        '    note_value(site, "mask", reason, field=field)\n    version = site.salts.newest\n',
        "    version = site.salts.newest\n",
        (f"{LIMIT_TESTS}::test_no_entry_no_answer",),
    ),
    Mutation(
        "the check of a recovered original counts as a value",
        "ops/operations/logins.py",
        '    note_value(site, "mask", reason, field=field)\n    pseudonym',
        "    pseudonym",
        (f"{LIMIT_TESTS}::test_recover_takes_a_value",),
    ),
    Mutation(
        "a worker with too little time does not start",
        "ops/worker.py",
        "    if visibility_seconds < needed:\n",
        "    if False:\n",
        ("tests/ops/test_worker.py",),
    ),
    Mutation(
        "a worker whose batches all fail is not well",
        "ops/worker.py",
        "self._is_well = len(delivery.failed) < len(delivery.delivered)",
        "self._is_well = True",
        ("tests/ops/test_worker.py",),
    ),
    Mutation(
        "the report counts what several users share",
        "ops/operations/reports.py",
        "FROM public.{view} WHERE users > 1 GROUP",
        "FROM public.{view} GROUP",
        ("tests/ops/test_report_page.py::test_figures_are_those_of_the_rows",),
    ),
    Mutation(
        "the page tells no whole pseudonym",
        "ops/page/tables.py",
        'else f"{pseudonym[:PSEUDONYM_SHOWN]}…"',
        "else pseudonym",
        ("tests/ops/test_report_page.py::test_page_loads_and_runs_nothing_and_tells_no_whole_pseudonym",),
    ),
    Mutation(
        "doctor knows a privilege too many",
        "ops/operations/health.py",
        "((True, found.lacking), (False, found.surplus))",
        "((True, found.lacking),)",
        ("tests/ops/test_report.py",),
    ),
    Mutation(
        "a worker's batch is never larger than asked for",
        "ops/event_source.py",
        "MaxNumberOfMessages=min(RECEIVE_AT_ONCE, self.batch_size - count)",
        "MaxNumberOfMessages=RECEIVE_AT_ONCE",
        ("tests/unit/test_event_source.py",),
    ),
    Mutation(
        "SQS that is busy is tried again",
        "ops/event_source.py",
        'if status < 500 and "Thrott" not in _code(error):',
        "if status < 500:",
        ("tests/unit/test_event_source.py",),
    ),
    Mutation(
        "a batch has what its window leaves of the time",
        "ops/worker.py",
        "return visibility_seconds - window_seconds",
        "return visibility_seconds",
        ("tests/ops/test_worker.py::test_batch_has_what_its_window_leaves_of_the_visibility_timeout",),
    ),
    Mutation(
        "an archive outlasts a power failure",
        "ops/places.py",
        "                    os.fsync(file.fileno())\n",
        "",
        ("tests/unit/test_places.py",),
    ),
)
