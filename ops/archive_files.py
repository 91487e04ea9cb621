"""Reads archives of the first two formats: gzip files of JSON lines, and a manifest. No command writes them any more.

TARGET/YYYY-MM/ID/ holds one archive of a month. The manifest was written last, so a folder without a manifest is not a
complete archive.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from ops.archive_lines import PAGE
from ops.errors import OpsError

if TYPE_CHECKING:
    from ops.places import Place

MANIFEST = "manifest.json"
FORMAT = "login-pipeline archive 2"
# In the first format TARGET/YYYY-MM/ was the archive, and the manifest did not have `archive` and `newest_entry`.
FIRST_FORMAT = "login-pipeline archive 1"


class File(TypedDict):
    """A file of an archive."""

    name: str
    logins: int
    sha256: str


class Manifest(TypedDict):
    """The content of an archive; `newest_entry` and `newest_entry_at` mean the same as in ops.lake.manifests."""

    format: str
    month: str
    archive: str
    archived_at: str
    newest_entry: int
    newest_entry_at: str | None
    logins: int
    checksum: str
    files: list[File]


@dataclass(frozen=True)
class LinesArchive:
    """A complete archive of a month."""

    where: "Place"
    folder: str
    manifest: Manifest

    @property
    def name(self) -> str:
        """Returns the path of the folder."""
        return f"{self.where.name}/{self.folder}"

    def pages(self) -> Iterator[list[str]]:
        """Yields the lines, PAGE at a time; raises OpsError if a file differs from the manifest."""
        for file in self.manifest["files"]:
            path = f"{self.folder}/{file['name']}"
            data = self.where.read(path)
            if hashlib.sha256(data).hexdigest() != file["sha256"]:
                raise OpsError(f"{self.where.name}/{path} was damaged or changed: its SHA-256 is not the manifest's.")
            lines = gzip.decompress(data).decode().split("\n")[:-1]  # splitlines() would also split at other characters
            for start in range(0, len(lines), PAGE):
                yield lines[start : start + PAGE]


def find_lines_archives(where: "Place", month: str) -> tuple[list[LinesArchive], list[str]]:
    """Returns the complete archives of a month, and the folders of incomplete archives."""
    folders: dict[str, bool] = {}
    for path in where.paths(month):
        folder, _, name = path.rpartition("/")
        folders[folder] = folders.get(folder, False) or name == MANIFEST
    complete = [_read_archive(where, folder, month) for folder, is_complete in folders.items() if is_complete]
    return complete, [folder for folder, is_complete in folders.items() if not is_complete]


def _read_archive(where: "Place", folder: str, month: str) -> LinesArchive:
    """Returns the archive in a folder; raises OpsError if its manifest is damaged or of another month."""
    try:
        content = json.loads(where.read(f"{folder}/{MANIFEST}"))
        manifest = _parse_manifest(content, folder)
    except (ValueError, KeyError, TypeError):
        manifest = None
    if manifest is None or manifest["month"] != month:
        raise OpsError(f"{where.name}/{folder}/{MANIFEST} is not a manifest of an archive of {month}.")
    return LinesArchive(where, folder, manifest)


def _parse_manifest(content: Any, folder: str) -> Manifest:  # noqa: ANN401  any JSON value
    """Parses a manifest; raises ValueError, KeyError or TypeError if the content is not a manifest."""
    is_first = content["format"] == FIRST_FORMAT
    if not is_first and content["format"] != FORMAT:
        raise ValueError("another format")
    return {
        "format": content["format"],
        "month": content["month"],
        "archive": folder if is_first else content["archive"],
        "archived_at": content["archived_at"],
        # The first format has no audit entry, so every erasure counts as later.
        "newest_entry": 0 if is_first else int(content["newest_entry"]),
        "newest_entry_at": None if is_first else content["newest_entry_at"],
        "logins": int(content["logins"]),
        "checksum": str(content["checksum"]),
        "files": [
            {"name": str(file["name"]), "logins": int(file["logins"]), "sha256": str(file["sha256"])}
            for file in content["files"]
        ],
    }
