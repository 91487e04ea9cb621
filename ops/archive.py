"""Restores all archives of a month, of any format, to the database."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict

from ops import operations
from ops.archive_files import LinesArchive, find_lines_archives
from ops.archive_lines import Checksum
from ops.errors import NothingFoundError, OpsError
from ops.lake.archive import ParquetArchive, find_incomplete_archives, find_parquet_archives

if TYPE_CHECKING:
    from ops.operations.archives import KnownArchive
    from ops.operations.restores import Restored
    from ops.places import Place
    from ops.target import Target

Step = Callable[[int], None]
Archive = LinesArchive | ParquetArchive


class RestoredArchive(TypedDict):
    """The result of the restore of one archive: numbers of logins."""

    archive: str
    logins: int
    written: int
    there_already: int
    forgotten: int


class RestoredMonth(TypedDict):
    """The result of a restore: totals, and numbers by archive.

    `incomplete` has the incomplete archives. `elsewhere` has archives of dropped months that are not in this place.
    """

    written: int
    there_already: int
    forgotten: int
    archives: list[RestoredArchive]
    incomplete: list[str]
    elsewhere: "list[KnownArchive]"


def restore_month(target: "Target", where: "Place", month: str, reason: str, step: Step) -> RestoredMonth:
    """Restores all complete archives of a month, merged by key; verifies all of them before it writes a login.

    Raises NothingFoundError if there is no complete archive.
    """
    archives, incomplete = _find_archives(where, month)
    if not archives:
        broken = f" Incomplete, from interrupted runs: {', '.join(incomplete)}."
        raise NothingFoundError(f"{where.name} holds no archive of {month}.{broken if incomplete else ''}")
    for archive in archives:
        _verify_archive(archive)
    found = {archive.manifest["archive"] for archive in archives}
    known = target.call(operations.known_archives, month=month)
    result: RestoredMonth = {
        "written": 0,
        "there_already": 0,
        "forgotten": 0,
        "archives": [],
        "incomplete": incomplete,
        "elsewhere": [each for each in known if each["dropped"] and each["archive"] not in found],
    }
    for archive in archives:
        done = _restore_archive(target, archive, step)
        result["written"] += done["written"]
        result["there_already"] += done["there_already"]
        result["forgotten"] += done["forgotten"]
        result["archives"].append(
            {"archive": archive.manifest["archive"], "logins": archive.manifest["logins"], **done}
        )
    counts: Restored = {
        "written": result["written"],
        "there_already": result["there_already"],
        "forgotten": result["forgotten"],
    }
    target.call(operations.restore_done, month=month, counts=counts, archives=sorted(found), reason=reason)
    return result


def _verify_archive(archive: Archive) -> None:
    """Reads all lines of an archive; raises OpsError if their number or checksum differs from the manifest's."""
    found = Checksum()
    for lines in archive.pages():
        found.add(lines)
    if (found.count, str(found.total)) != (archive.manifest["logins"], archive.manifest["checksum"]):
        raise OpsError(f"The logins of the archive {archive.name} differ from its manifest.")


def _restore_archive(target: "Target", archive: Archive, step: Step) -> "Restored":
    counts: Restored = {"written": 0, "there_already": 0, "forgotten": 0}
    for lines in archive.pages():
        done = target.call(
            operations.restore_page,
            lines=lines,
            month=archive.manifest["month"],
            newest_entry=archive.manifest["newest_entry"],
            newest_entry_at=archive.manifest["newest_entry_at"],
        )
        counts["written"] += done["written"]
        counts["there_already"] += done["there_already"]
        counts["forgotten"] += done["forgotten"]
        step(len(lines))
    return counts


def _find_archives(where: "Place", month: str) -> tuple[list[Archive], list[str]]:
    """Returns the complete archives of a month, sorted by their start, and the paths of incomplete archives."""
    lines, incomplete = find_lines_archives(where, month)
    archives: list[Archive] = [*lines, *find_parquet_archives(where, month)]
    archives.sort(key=lambda archive: (archive.manifest["newest_entry"], archive.manifest["archived_at"]))
    return archives, incomplete + find_incomplete_archives(where, month)
