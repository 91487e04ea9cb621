"""The files of an archive: gzip of JSON lines, a login a line as Postgres writes it, and a manifest.

TARGET/YYYY-MM/ID/ holds one archive of a month. Its manifest is written last: a folder without one is no archive.
"""

import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from ops.errors import OpsError

if TYPE_CHECKING:
    from ops.places import Place

PAGE = 5_000  # logins in one call: a login is at most 1 KB, and Lambda takes and returns 6 MB
MANIFEST = "manifest.json"
FORMAT = "login-pipeline archive 2"
# TARGET/YYYY-MM/ itself was the archive, and its manifest had no archive, columns and entries.
FIRST_FORMAT = "login-pipeline archive 1"


class File(TypedDict):
    """A file of an archive."""

    name: str
    logins: int
    sha256: str


class Manifest(TypedDict):
    """What an archive holds.

    `newest_entry` is the number of the newest audit entry when the archive was begun, `newest_entry_at` its time, which
    tells whether a database still has that very entry. A restore leaves out whoever was forgotten by a later entry.
    """

    format: str
    month: str
    archive: str
    archived_at: str
    newest_entry: int
    newest_entry_at: str | None
    logins: int
    checksum: str
    columns: list[str]
    files: list[File]


@dataclass
class Checksum:
    """What an archive holds, whatever the order of its lines."""

    count: int = 0
    total: int = 0  # of the first 8 bytes of each line's SHA-256, signed: as line_checksum() in the database

    def add(self, line: str) -> None:
        """Takes in a line."""
        self.count += 1
        self.total += int.from_bytes(hashlib.sha256(line.encode()).digest()[:8], "big", signed=True)


@dataclass(frozen=True)
class Archive:
    """A complete archive of a month."""

    where: "Place"
    folder: str
    manifest: Manifest

    def pages(self) -> Iterator[list[str]]:
        """Its lines, PAGE at a time; raises OpsError where a file is not as the manifest says."""
        for file in self.manifest["files"]:
            path = f"{self.folder}/{file['name']}"
            data = self.where.read(path)
            if hashlib.sha256(data).hexdigest() != file["sha256"]:
                raise OpsError(f"{self.where.name}/{path} was damaged or changed: its SHA-256 is not the manifest's.")
            lines = gzip.decompress(data).decode().split("\n")[:-1]  # splitlines() knows more line ends than JSON does
            for start in range(0, len(lines), PAGE):
                yield lines[start : start + PAGE]

    def verify(self) -> Checksum:
        """Reads all of it; raises OpsError where it does not hold what the manifest says."""
        found = Checksum()
        for lines in self.pages():
            for line in lines:
                found.add(line)
        if (found.count, str(found.total)) != (self.manifest["logins"], self.manifest["checksum"]):
            raise OpsError(f"{self.where.name}/{self.folder} does not hold what its manifest says.")
        return found


def find_archives(where: "Place", month: str) -> tuple[list[Archive], list[str]]:
    """The complete archives of a month, in the order in which they were begun; and the folders of incomplete ones."""
    folders: dict[str, bool] = {}
    for path in where.paths(month):
        folder, _, name = path.rpartition("/")
        folders[folder] = folders.get(folder, False) or name == MANIFEST
    complete = [read_archive(where, folder, month) for folder, is_complete in folders.items() if is_complete]
    complete.sort(key=lambda archive: (archive.manifest["newest_entry"], archive.manifest["archived_at"]))
    return complete, [folder for folder, is_complete in folders.items() if not is_complete]


def read_archive(where: "Place", folder: str, month: str) -> Archive:
    """The archive in a folder; raises OpsError where its manifest is none of that month."""
    try:
        content = json.loads(where.read(f"{folder}/{MANIFEST}"))
        manifest = _parse_manifest(content, folder)
    except (ValueError, KeyError, TypeError):
        manifest = None
    if manifest is None or manifest["month"] != month:
        raise OpsError(f"{where.name}/{folder}/{MANIFEST} is no manifest of an archive of {month}.")
    return Archive(where, folder, manifest)


def _parse_manifest(content: Any, folder: str) -> Manifest:  # noqa: ANN401  whatever JSON holds
    """Raises ValueError, KeyError or TypeError where it is none."""
    is_first = content["format"] == FIRST_FORMAT
    if not is_first and content["format"] != FORMAT:
        raise ValueError("another format")
    return {
        "format": content["format"],
        "month": content["month"],
        "archive": folder if is_first else content["archive"],
        "archived_at": content["archived_at"],
        # It does not say what it was made after: every erasure counts as later.
        "newest_entry": 0 if is_first else int(content["newest_entry"]),
        "newest_entry_at": None if is_first else content["newest_entry_at"],
        "logins": int(content["logins"]),
        "checksum": str(content["checksum"]),
        "columns": [] if is_first else list(content["columns"]),
        "files": [
            {"name": str(file["name"]), "logins": int(file["logins"]), "sha256": str(file["sha256"])}
            for file in content["files"]
        ],
    }


def compress(lines: list[str]) -> bytes:
    """A file's bytes; the same lines give the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed:
        for line in lines:
            packed.write(line.encode() + b"\n")
    return buffer.getvalue()
