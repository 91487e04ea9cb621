"""Manifests: each names the files of an archive of a month.

TARGET/_manifests/month=2026-11/ARCHIVE.000001.json is the first generation. Each change to the archive makes another
generation, and only the newest one is valid. A manifest file is created and never replaced. So if two processes make
the same generation, one of them fails. Engines ignore folders whose name begins with an underscore.
"""

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypedDict

from ops.errors import OpsError
from ops.operations.archives import Column

if TYPE_CHECKING:
    from ops.places import Place

FOLDER = "_manifests"
FORMAT = "login-pipeline archive 3"
NAME = re.compile(rf"{FOLDER}/month=(?P<month>[0-9-]+)/(?P<archive>[^/.]+)\.(?P<generation>[0-9]{{6}})\.json")


class File(TypedDict):
    """A Parquet file: its path in the place, and its content."""

    name: str
    day: str
    logins: int
    checksum: str
    sha256: str
    bytes: int


class Manifest(TypedDict):
    """The content of an archive.

    `newest_entry` is the number of the newest audit entry at the start of the archive. `newest_entry_at` is the time of
    this entry; it shows whether a database still has the same entry. A restore leaves out people who were forgotten by
    a later entry. An archive with `is_given_up` was never complete.
    """

    format: str
    month: str
    archive: str
    generation: int
    is_given_up: bool
    archived_at: str
    newest_entry: int
    newest_entry_at: str | None
    schema_version: str
    salt_versions: list[int]
    logins: int
    checksum: str
    columns: list[Column]
    files: list[File]


def make_manifest(month: str, archive: str) -> Manifest:
    """Returns generation 0 of an archive, which is not complete and has no files."""
    return {
        "format": FORMAT,
        "month": month,
        "archive": archive,
        "generation": 0,
        "is_given_up": True,
        "archived_at": "",
        "newest_entry": 0,
        "newest_entry_at": None,
        "schema_version": "",
        "salt_versions": [],
        "logins": 0,
        "checksum": "0",
        "columns": [],
        "files": [],
    }


def manifest_path(manifest: Manifest) -> str:
    """Returns the path of a manifest."""
    name = f"{manifest['archive']}.{manifest['generation']:06}.json"
    return f"{FOLDER}/month={manifest['month']}/{name}"


def add_manifest(where: "Place", manifest: Manifest) -> None:
    """Creates a generation; raises TakenError if another process has created the same generation."""
    where.create(manifest_path(manifest), json.dumps(manifest, indent=2).encode())


def with_files(manifest: Manifest, files: list[File]) -> Manifest:
    """Returns the next generation, with other files."""
    return {
        **manifest,
        "generation": manifest["generation"] + 1,
        "files": files,
        "logins": sum(file["logins"] for file in files),
        "checksum": str(sum(int(file["checksum"]) for file in files)),
    }


def list_manifests(where: "Place", month: str | None = None) -> list[Manifest]:
    """Returns the newest generation of each archive of a month, or of all months, sorted by month and start.

    Raises OpsError if a manifest is damaged.
    """
    newest: dict[str, str] = {}
    for path in sorted(where.paths(FOLDER if month is None else f"{FOLDER}/month={month}")):
        found = NAME.fullmatch(path)
        if found:
            newest[found["archive"]] = path
    manifests = [read_manifest(where, path) for path in newest.values()]
    return sorted(
        manifests, key=lambda manifest: (manifest["month"], manifest["newest_entry"], manifest["archived_at"])
    )


def read_manifest(where: "Place", path: str) -> Manifest:
    """Reads a manifest; raises OpsError if the file is no manifest, or has another path than its content says."""
    try:
        manifest = _parse_manifest(json.loads(where.read(path)))
    except (ValueError, KeyError, TypeError):
        manifest = None
    if manifest is None or manifest_path(manifest) != path:
        raise OpsError(f"{where.name}/{path} is not a manifest, or was damaged.")
    return manifest


def old_manifests(where: "Place", current: Iterable[Manifest]) -> list[str]:
    """Returns the paths of generations that have a newer generation."""
    newest = {manifest["archive"]: manifest["generation"] for manifest in current}
    found = filter(None, map(NAME.fullmatch, where.paths(FOLDER)))
    return [name[0] for name in found if int(name["generation"]) < newest.get(name["archive"], 0)]


def _parse_manifest(content: Any) -> Manifest:  # noqa: ANN401  any JSON value
    """Parses a manifest; raises ValueError, KeyError or TypeError if the content is not a manifest."""
    if content["format"] != FORMAT:
        raise ValueError("another format")
    manifest: Manifest = {
        "format": FORMAT,
        "month": str(content["month"]),
        "archive": str(content["archive"]),
        "generation": int(content["generation"]),
        "is_given_up": bool(content["is_given_up"]),
        "archived_at": str(content["archived_at"]),
        "newest_entry": int(content["newest_entry"]),
        "newest_entry_at": content["newest_entry_at"],
        "schema_version": str(content["schema_version"]),
        "salt_versions": [int(version) for version in content["salt_versions"]],
        "logins": int(content["logins"]),
        "checksum": str(content["checksum"]),
        "columns": [{"name": str(column["name"]), "type": str(column["type"])} for column in content["columns"]],
        "files": [
            {
                "name": str(file["name"]),
                "day": str(file["day"]),
                "logins": int(file["logins"]),
                "checksum": str(file["checksum"]),
                "sha256": str(file["sha256"]),
                "bytes": int(file["bytes"]),
            }
            for file in content["files"]
        ],
    }
    if manifest["logins"] != sum(file["logins"] for file in manifest["files"]):
        raise ValueError("the number of logins is not that of the files")
    return manifest
