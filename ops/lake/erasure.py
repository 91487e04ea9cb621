"""Deletes logins from archives: the logins of a person, or old months.

A file with such logins is replaced by a file without them. First the new file is stored. Then the next generation of
the manifest names it. Then the old file and the old manifest are deleted for good. After a kill at any moment, the same
command continues.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ops.archive_lines import Checksum
from ops.errors import OpsError, TakenError
from ops.lake.engine import quote
from ops.lake.files import fetch_file, read_lines, store_file, write_file
from ops.lake.leftovers import remove_leftovers
from ops.lake.manifests import File, Manifest, add_manifest, list_manifests, manifest_path, with_files
from ops.lake.workbench import workbench

if TYPE_CHECKING:
    import duckdb

    from ops.places import Place

TRIES = 5  # attempts on an archive that another command changes at the same time
SELECT_OTHERS = "SELECT * FROM read_parquet({path}) WHERE user_id <> {user} ORDER BY user_id, event_id"


class Erased(TypedDict):
    """The files and logins deleted from a place (or to delete, in a dry run), its archives, and the errors."""

    target: str
    archives: list[str]
    files: int
    logins: int
    errors: list[str]


def erase_person(where: "Place", user_id: str, *, dry_run: bool, step: Callable[[int], None]) -> Erased:
    """Deletes a person's logins from all archives. Notes an error for an unreadable file, and continues."""
    result = _begin(where, dry_run=dry_run)
    with workbench() as (engine, directory):
        eraser = _Eraser(engine, directory, where, user_id, result, dry_run=dry_run)
        for archive in result["archives"]:
            for tries_left in reversed(range(TRIES)):
                try:
                    eraser.erase(archive, step)
                    break
                except TakenError:
                    if not tries_left:
                        result["errors"].append(
                            f"Other commands keep changing archive {archive}: run this command again."
                        )
    return result


def erase_months(where: "Place", before: str, *, dry_run: bool) -> Erased:
    """Deletes the files of all months before the month `before`."""
    result = _begin(where, dry_run=dry_run)
    for manifest in list_manifests(where):
        if manifest["month"] >= before or not manifest["files"]:
            continue
        result["files"] += len(manifest["files"])
        result["logins"] += manifest["logins"]
        if not dry_run:
            _replace(where, manifest, [])
    return result


def _begin(where: "Place", *, dry_run: bool) -> Erased:
    """Gives up unfinished archives, because they could hold logins to erase; returns an empty count."""
    if not dry_run:
        remove_leftovers(where)
    archives = [manifest["archive"] for manifest in list_manifests(where) if not manifest["is_given_up"]]
    return {"target": where.name, "archives": archives, "files": 0, "logins": 0, "errors": []}


def _replace(where: "Place", manifest: Manifest, files: list[File]) -> Manifest:
    """Creates a generation with other files, and deletes the files that it does not name; raises TakenError."""
    following = with_files(manifest, files)
    add_manifest(where, following)
    kept = {file["name"] for file in files}
    for file in manifest["files"]:
        if file["name"] not in kept:
            where.remove(file["name"])
    where.remove(manifest_path(manifest))
    return following


class _Eraser:
    def __init__(
        self,
        engine: "duckdb.DuckDBPyConnection",
        directory: Path,
        where: "Place",
        user_id: str,
        result: Erased,
        *,
        dry_run: bool,
    ) -> None:
        self._engine = engine
        self._path = directory / "logins.parquet"
        self._rest = directory / "others.parquet"
        self._where = where
        self._user_id = user_id
        self._result = result
        self._dry_run = dry_run

    def erase(self, archive: str, step: Callable[[int], None]) -> None:
        """Deletes the person's logins from the files of an archive; raises TakenError if another command changed it."""
        (manifest,) = (each for each in list_manifests(self._where) if each["archive"] == archive)
        for file in manifest["files"]:
            try:
                fetch_file(self._where, file, self._path)
            except OpsError as error:
                self._result["errors"].append(str(error))
                continue
            theirs = Checksum()
            for lines in read_lines(self._engine, self._path, manifest["columns"], self._user_id):
                theirs.add(lines)
            if theirs.count and not self._dry_run:
                rest = self._store_rest(manifest, file, theirs)
                manifest = _replace(
                    self._where, manifest, [*(each for each in manifest["files"] if each != file), *rest]
                )
            self._result["files"] += bool(theirs.count)
            self._result["logins"] += theirs.count
            step(file["logins"])

    def _store_rest(self, manifest: Manifest, file: File, theirs: Checksum) -> list[File]:
        """Stores the file without the person, if it has other logins; raises OpsError if the result is wrong."""
        if theirs.count == file["logins"]:
            return []
        select = SELECT_OTHERS.format(path=quote(str(self._path)), user=quote(self._user_id))
        write_file(self._engine, select, self._rest)
        rest = store_file(self._engine, self._where, self._rest, manifest["archive"], file["day"], manifest["columns"])
        if (rest["logins"] + theirs.count, int(rest["checksum"]) + theirs.total) != (
            file["logins"],
            int(file["checksum"]),
        ):
            raise OpsError(
                f"{self._where.name}/{rest['name']} does not hold exactly the other logins. Nothing was erased."
            )
        return [rest]
