"""A month of logins as compressed files with a manifest, in a folder or under an S3 prefix; and back.

Each file is gzip of JSON lines, a login a line, as Postgres writes it. The manifest comes last: a folder without one is
no archive. Before anything is dropped, the files are read back, and what they hold is what the database compares with.
"""

import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops import operations
from ops.errors import OpsError
from ops.operations.archives import Restored
from ops.places import Place
from ops.target import Target

PAGE = 5_000  # logins in one call: a login is at most 1 KB, and Lambda takes and returns 6 MB
PAGES_A_FILE = 40
MANIFEST = "manifest.json"
FORMAT = "login-pipeline archive 1"
BEFORE_ALL = ("00000000-0000-0000-0000-000000000000", "0001-01-01")

Step = Callable[[int], None]


@dataclass
class Checksum:
    """What an archive holds, whatever the order of its lines."""

    count: int = 0
    total: int = 0  # of the first 8 bytes of each line's SHA-256, signed: as line_checksum() in the database

    def add(self, line: str) -> None:
        """Takes in a line."""
        self.count += 1
        self.total += int.from_bytes(hashlib.sha256(line.encode()).digest()[:8], "big", signed=True)


def write_archive(target: Target, month: datetime, where: Place, now: datetime, step: Step) -> Checksum:
    """Writes a month, reads it back and returns what it holds; raises OpsError where it is not what was written."""
    folder = month.strftime("%Y-%m")
    written, files = Checksum(), []
    for number, lines in enumerate(_files(target, month, step)):
        for line in lines:
            written.add(line)
        name = f"logins-{number:05}.jsonl.gz"
        data = _compress(lines)
        where.write(f"{folder}/{name}", data)
        files.append({"name": name, "logins": len(lines), "sha256": hashlib.sha256(data).hexdigest()})
    manifest = {
        "format": FORMAT,
        "month": folder,
        "archived_at": now.isoformat(),
        "logins": written.count,
        "checksum": str(written.total),
        "files": files,
    }
    where.write(f"{folder}/{MANIFEST}", json.dumps(manifest, indent=2).encode())
    found = Checksum()
    for lines in read_archive(where, read_manifest(where, folder)):
        for line in lines:
            found.add(line)
    if found != written:
        raise OpsError(f"What {where.name}/{folder} holds is not what was written to it. Nothing was dropped.")
    return found


def read_manifest(where: Place, folder: str) -> dict[str, Any]:
    """An archive's manifest; raises OpsError where it is none."""
    try:
        manifest = json.loads(where.read(f"{folder}/{MANIFEST}"))
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict) or (manifest.get("format"), manifest.get("month")) != (FORMAT, folder):
        raise OpsError(f"{where.name}/{folder}/{MANIFEST} is no manifest of an archive of that month.")
    return manifest


def read_archive(where: Place, manifest: dict[str, Any]) -> Iterator[list[str]]:
    """The lines of an archive, a page at a time; raises OpsError where a file is not as the manifest says."""
    for file in manifest["files"]:
        path = f"{manifest['month']}/{file['name']}"
        data = where.read(path)
        if hashlib.sha256(data).hexdigest() != file["sha256"]:
            raise OpsError(f"{where.name}/{path} was damaged or changed: its SHA-256 is not the manifest's.")
        lines = gzip.decompress(data).decode().split("\n")[:-1]  # splitlines() knows more line ends than JSON does
        for start in range(0, len(lines), PAGE):
            yield lines[start : start + PAGE]


def restore_archive(target: Target, where: Place, folder: str, reason: str, step: Step) -> Restored:
    """Brings an archive back; returns how many logins were written, there already, and left out as forgotten.

    All files are checked before the first login is written.
    """
    manifest = read_manifest(where, folder)
    found = Checksum()
    for lines in read_archive(where, manifest):
        for line in lines:
            found.add(line)
    if (found.count, str(found.total)) != (manifest["logins"], manifest["checksum"]):
        raise OpsError(f"{where.name}/{folder} does not hold what its manifest says: nothing was restored.")
    counts: Restored = {"written": 0, "there_already": 0, "forgotten": 0}
    for lines in read_archive(where, manifest):
        done = target.call(
            operations.restore_page, lines=lines, month=f"{folder}-01", archived_at=manifest["archived_at"]
        )
        counts["written"] += done["written"]
        counts["there_already"] += done["there_already"]
        counts["forgotten"] += done["forgotten"]
        step(len(lines))
    target.call(operations.restore_done, month=folder, counts=counts, reason=reason)
    return counts


def _files(target: Target, month: datetime, step: Step) -> Iterator[list[str]]:
    after: Any = BEFORE_ALL
    lines: list[str] = []
    while after is not None:
        page = target.call(operations.archive_page, month=month.strftime("%Y-%m-01"), after=after, limit=PAGE)
        after = page["after"]
        lines += page["lines"]
        step(len(page["lines"]))
        if lines and (after is None or len(lines) >= PAGE * PAGES_A_FILE):
            yield lines
            lines = []


def _compress(lines: list[str]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed:
        for line in lines:
            packed.write(line.encode() + b"\n")
    return buffer.getvalue()
