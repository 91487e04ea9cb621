"""A month of logins into an archive, and all archives of a month back into the database."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypedDict

from ops import operations
from ops.archive_files import (
    FORMAT,
    MANIFEST,
    PAGE,
    Archive,
    Checksum,
    File,
    Manifest,
    compress,
    find_archives,
    read_archive,
)
from ops.errors import NothingFoundError, OpsError

if TYPE_CHECKING:
    from ops.operations.archives import KnownArchive, Restored
    from ops.places import Place
    from ops.target import Target

PAGES_A_FILE = 40
BEFORE_ALL = ["00000000-0000-0000-0000-000000000000", "0001-01-01"]

Step = Callable[[int], None]


class RestoredArchive(TypedDict):
    """What became of one archive's logins."""

    archive: str
    logins: int
    written: int
    there_already: int
    forgotten: int


class RestoredMonth(TypedDict):
    """What a restore did, in all and by archive; which folders hold no complete archive; and which archives the audit
    table knows as dropped that are not there.
    """

    written: int
    there_already: int
    forgotten: int
    archives: list[RestoredArchive]
    incomplete: list[str]
    elsewhere: "list[KnownArchive]"


def write_archive(target: "Target", month: str, where: "Place", reason: str, step: Step) -> Archive | None:
    """Writes a month into a folder of its own and reads all of it back; None where the month holds no login.

    Raises OpsError where what was read is not what was written.
    """
    begun = target.call(operations.archive_begin, month=month, reason=reason)
    archive = str(uuid.uuid4())
    folder = f"{month}/{archive}"
    written, files = Checksum(), list[File]()
    for number, lines in enumerate(_files(target, month, step)):
        for line in lines:
            written.add(line)
        name = f"logins-{number:05}.jsonl.gz"
        data = compress(lines)
        where.create(f"{folder}/{name}", data)
        files.append({"name": name, "logins": len(lines), "sha256": hashlib.sha256(data).hexdigest()})
    if not files:
        return None
    manifest: Manifest = {
        "format": FORMAT,
        "month": month,
        "archive": archive,
        "archived_at": begun["now"],
        "newest_entry": begun["newest_entry"],
        "newest_entry_at": begun["newest_entry_at"],
        "logins": written.count,
        "checksum": str(written.total),
        "columns": begun["columns"],
        "files": files,
    }
    where.create(f"{folder}/{MANIFEST}", json.dumps(manifest, indent=2).encode())
    complete = read_archive(where, folder, month)
    if complete.manifest != manifest or complete.verify() != written:
        raise OpsError(f"What {where.name}/{folder} holds is not what was written to it. Nothing was dropped.")
    return complete


def restore_month(target: "Target", where: "Place", month: str, reason: str, step: Step) -> RestoredMonth:
    """Brings all complete archives of a month back, merged by key; verifies all of them before it writes a login.

    Raises NothingFoundError where there is no complete archive.
    """
    archives, incomplete = find_archives(where, month)
    if not archives:
        broken = f" {len(incomplete)} of a run that did not come to its end: {', '.join(incomplete)}."
        raise NothingFoundError(f"{where.name} holds no archive of {month}.{broken if incomplete else ''}")
    for archive in archives:
        archive.verify()
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


def _files(target: "Target", month: str, step: Step) -> Iterator[list[str]]:
    """The lines of each file."""
    after: list[str] | None = BEFORE_ALL
    lines: list[str] = []
    while after is not None:
        page = target.call(operations.archive_page, month=month, after=after, limit=PAGE)
        after = page["after"]
        lines += page["lines"]
        step(len(page["lines"]))
        if lines and (after is None or len(lines) >= PAGE * PAGES_A_FILE):
            yield lines
            lines = []
