"""Writes, reads and finds archives of a month in Parquet files."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops import operations
from ops.archive_lines import BEFORE_ALL, PAGE, Checksum
from ops.errors import OpsError, TakenError
from ops.lake.files import fetch_file, read_lines, store_file, unnamed_files
from ops.lake.leftovers import remove_leftovers
from ops.lake.manifests import (
    Manifest,
    add_manifest,
    list_manifests,
    make_manifest,
    manifest_path,
    read_manifest,
    with_files,
)
from ops.lake.staging import Staging
from ops.lake.workbench import workbench

if TYPE_CHECKING:
    from ops.places import Place
    from ops.target import Target

Step = Callable[[int], None]


@dataclass(frozen=True)
class ParquetArchive:
    """A complete archive of a month."""

    where: "Place"
    manifest: Manifest

    @property
    def name(self) -> str:
        """Returns the path of the manifest."""
        return f"{self.where.name}/{manifest_path(self.manifest)}"

    def pages(self) -> Iterator[list[str]]:
        """Yields the lines, PAGE at a time; raises OpsError if a file differs from the manifest."""
        with workbench() as (engine, directory):
            path = directory / "logins.parquet"
            for file in self.manifest["files"]:
                fetch_file(self.where, file, path)
                yield from read_lines(engine, path, self.manifest["columns"])


def write_archive(target: "Target", month: str, where: "Place", reason: str, step: Step) -> Manifest | None:
    """Writes a month, reads all files back, and then creates the manifest; returns None if the month has no logins.

    Raises OpsError if the files differ from the logins, or if a person was erased in the meantime.
    """
    with workbench() as (engine, directory):
        begun = target.call(operations.archive_begin, month=month, reason=reason)
        staging = Staging(engine, directory, begun["columns"])
        read = _stage(target, month, staging, step)
        if not read.count:
            remove_leftovers(where, month)
            return None
        archive = str(uuid.uuid4())
        files = [store_file(engine, where, path, archive, day, begun["columns"]) for day, path in staging.files()]
        salt_versions = staging.salt_versions()
    empty: Manifest = {
        **make_manifest(month, archive),
        "is_given_up": False,
        "archived_at": begun["now"],
        "newest_entry": begun["newest_entry"],
        "newest_entry_at": begun["newest_entry_at"],
        "schema_version": begun["schema_version"],
        "salt_versions": salt_versions,
        "columns": begun["columns"],
    }
    manifest = with_files(empty, files)
    if (manifest["logins"], manifest["checksum"]) != (read.count, str(read.total)):
        raise OpsError(
            f"The files of {month} in {where.name} do not hold the logins of the database. Nothing was dropped."
        )
    _complete(target, where, manifest)
    remove_leftovers(where, month)
    return manifest


def find_parquet_archives(where: "Place", month: str) -> list[ParquetArchive]:
    """Returns the complete archives of a month."""
    manifests = list_manifests(where, month)
    return [ParquetArchive(where, manifest) for manifest in manifests if not manifest["is_given_up"]]


def find_incomplete_archives(where: "Place", month: str) -> list[str]:
    """Returns the names of files that belong to no complete archive."""
    left = unnamed_files(where, list_manifests(where, month), month)
    return sorted(path for paths in left.values() for path in paths)


def _stage(target: "Target", month: str, staging: Staging, step: Step) -> Checksum:
    read = Checksum()
    after: list[str] | None = BEFORE_ALL
    while after is not None:
        page = target.call(operations.archive_page, month=month, after=after, limit=PAGE)
        after = page["after"]
        if page["lines"]:
            staging.add(page["lines"], page["written_at"])
            read.add(page["lines"])
        step(len(page["lines"]))
    return read


def _complete(target: "Target", where: "Place", manifest: Manifest) -> None:
    """Creates the manifest; raises OpsError if a person was erased since the start of the archive.

    An erasure writes its audit entry before it searches the lake. So either the erasure finds the files, or this
    function finds its entry.
    """
    if target.call(operations.count_erasures, after=manifest["newest_entry"]):
        raise OpsError("A person was erased while the archive was written. Nothing was dropped. Run the command again.")
    try:
        add_manifest(where, manifest)
    except TakenError:
        for file in manifest["files"]:
            where.remove(file["name"])
        raise OpsError(
            "Another command has given this archive up, because it was not complete. Run the command again."
        ) from None
    if read_manifest(where, manifest_path(manifest)) != manifest:
        raise OpsError(f"The manifest in {where.name} differs from the one that was written. Nothing was dropped.")
