"""Mutants of the archives of Parquet."""

from tests.mutants.mutation import Mutation

DAMAGE_TESTS = "tests/ops/test_archive_damage.py"
LAKE_TESTS = "tests/ops/test_lake.py"
INTERRUPTION_TESTS = "tests/ops/test_lake_interruptions.py"

LAKE = (
    Mutation(
        "an archive is read back before it counts as written",
        "ops/lake/files.py",
        "    fetch_file(where, file, path)\n    return file\n",
        "    return file\n",
        (f"{DAMAGE_TESTS}::test_archive_that_was_not_stored_as_written",),
    ),
    Mutation(
        "a manifest is read back before it counts as written",
        "ops/lake/archive.py",
        "    if read_manifest(where, manifest_path(manifest)) != manifest:\n",
        "    if False:\n",
        (f"{DAMAGE_TESTS}::test_archive_that_was_not_stored_as_written",),
    ),
    Mutation(
        "a damaged file of Parquet is no archive",
        "ops/lake/files.py",
        '    if hashlib.sha256(data).hexdigest() != file["sha256"]:\n',
        "    if False:\n",
        (f"{DAMAGE_TESTS}::test_damaged_archive_restores_nothing",),
    ),
    Mutation(
        "an archive that was begun before an erasure is not completed after it",
        "ops/lake/archive.py",
        '    if target.call(operations.count_erasures, after=manifest["newest_entry"]):\n',
        "    if False:\n",
        (f"{INTERRUPTION_TESTS}::test_forget_while_an_archive_is_written",),
    ),
    Mutation(
        "an erasure gives up archives that are being written",
        "ops/lake/erasure.py",
        "        remove_leftovers(where)\n",
        "        pass\n",
        (
            LAKE_TESTS,
            INTERRUPTION_TESTS,
        ),
    ),
    Mutation(
        "of two erasures at once none undoes the other",
        "ops/lake/erasure.py",
        "    add_manifest(where, following)\n",
        "    where.remove(manifest_path(following)), add_manifest(where, following)\n",
        (f"{INTERRUPTION_TESTS}::test_two_erasures_at_once",),
    ),
    Mutation(
        "an erasure deletes the file that it has replaced",
        "ops/lake/erasure.py",
        '            where.remove(file["name"])\n',
        "            pass\n",
        (f"{LAKE_TESTS}::test_forget_across_hot_and_cold_months",),
    ),
    Mutation(
        "what a killed run leaves behind goes with the next one",
        "ops/lake/archive.py",
        "    remove_leftovers(where, month)\n    return manifest\n",
        "    return manifest\n",
        (f"{INTERRUPTION_TESTS}::test_archive_killed_at_every_step",),
    ),
    Mutation(
        "a file that could not be searched is an error of the erasure",
        "ops/lake/erasure.py",
        '                self._result["errors"].append(str(error))\n',
        "",
        (f"{LAKE_TESTS}::test_forget_says_which_file_it_could_not_read",),
    ),
)
