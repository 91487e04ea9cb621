"""Parquet files in a place: TARGET/month=2026-11/day=03/ARCHIVE.ID.parquet.

A file is written on this machine and stored under a new name. It is then read back and compared. Only after that does a
manifest name it.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ops.archive_lines import PAGE, Checksum
from ops.errors import NothingFoundError, OpsError
from ops.lake.columns import Lines, names
from ops.lake.engine import quote
from ops.lake.manifests import File, Manifest
from ops.operations.archives import Column

if TYPE_CHECKING:
    import duckdb

    from ops.places import Place

NAME = re.compile(r"month=(?P<month>[0-9-]+)/day=[0-9]+/(?P<archive>[^/.]+)\.[^/.]+\.parquet(\.part)?")


SELECT_ROWS = "SELECT {columns} FROM read_parquet({path}) WHERE $1 IS NULL OR user_id = $1"


def write_file(engine: "duckdb.DuckDBPyConnection", select: str, path: Path) -> None:
    """Writes the rows of a SELECT to a file on this machine."""
    engine.execute(f"COPY ({select}) TO {quote(str(path))} (FORMAT parquet, COMPRESSION zstd)")


def store_file(
    engine: "duckdb.DuckDBPyConnection", where: "Place", path: Path, archive: str, day: str, columns: Sequence[Column]
) -> File:
    """Stores a local file under a new name, and reads it back; raises OpsError if the two differ."""
    data = path.read_bytes()
    checksum = Checksum()
    for lines in read_lines(engine, path, columns):
        checksum.add(lines)
    file: File = {
        "name": f"month={day[:7]}/day={day[8:]}/{archive}.{uuid.uuid4()}.parquet",
        "day": day,
        "logins": checksum.count,
        "checksum": str(checksum.total),
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }
    where.create(file["name"], data)
    fetch_file(where, file, path)
    return file


def fetch_file(where: "Place", file: File, path: Path) -> None:
    """Copies a file to this machine; raises OpsError if it is missing, or differs from its manifest."""
    try:
        data = where.read(file["name"])
    except NothingFoundError:
        raise OpsError(
            f"{where.name}/{file['name']} is missing. If another command erases a person now, run this command again."
        ) from None
    if hashlib.sha256(data).hexdigest() != file["sha256"]:
        raise OpsError(f"{where.name}/{file['name']} was damaged or changed: its SHA-256 is not the manifest's.")
    path.write_bytes(data)


def read_lines(
    engine: "duckdb.DuckDBPyConnection", path: Path, columns: Sequence[Column], user_id: str | None = None
) -> Iterator[list[str]]:
    """Yields the logins of a local file as lines, PAGE at a time; with `user_id` only the logins of that user."""
    lines = Lines(columns)
    cursor = engine.cursor()
    cursor.execute(SELECT_ROWS.format(columns=names(columns), path=quote(str(path))), [user_id])
    while rows := cursor.fetchmany(PAGE):
        yield [lines.make(row) for row in rows]


def unnamed_files(where: "Place", manifests: Sequence[Manifest], month: str | None = None) -> dict[str, list[str]]:
    """Returns the files that no manifest names, by archive. Their run was killed, or is not finished."""
    named = {file["name"] for manifest in manifests for file in manifest["files"]}
    left: dict[str, list[str]] = {}
    for path in where.paths("" if month is None else f"month={month}"):
        found = NAME.fullmatch(path)
        if found and path not in named:
            left.setdefault(found["archive"], []).append(path)
    return left
