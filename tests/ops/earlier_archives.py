"""Archives as versions before Parquet wrote them: gzip of JSON lines, and a manifest beside them."""

import gzip
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from tests.scratch import Scratch

SELECT_LINES = """
    SELECT public.login_line(l), public.line_checksum(public.login_line(l)) FROM public.user_logins l
    WHERE to_char(l.create_date, 'YYYY-MM') = %s
"""
SELECT_ENTRY = "SELECT id, extract(epoch FROM at)::text FROM audit.entries ORDER BY id DESC LIMIT 1"


def write_second_format(database: Scratch, month: str, target: Path) -> Path:
    """Writes what the database holds of a month, with an entry of the export; returns the folder."""
    database.execute("SELECT audit.append('export', 'who', NULL, 'why', %s)", month)
    ((entry, entry_at),) = database.query(SELECT_ENTRY)
    archive = str(uuid.uuid4())
    rows = database.query(SELECT_LINES, month)
    data = gzip.compress("".join(f"{line}\n" for line, _ in rows).encode())
    manifest = {
        "format": "login-pipeline archive 2",
        "month": month,
        "archive": archive,
        "archived_at": "2026-01-01 00:00:00+00",
        "newest_entry": entry,
        "newest_entry_at": entry_at,
        "logins": len(rows),
        "checksum": str(sum(checksum for _, checksum in rows)),
        "columns": sorted(json.loads(rows[0][0])),
        "files": [{"name": "logins-00000.jsonl.gz", "logins": len(rows), "sha256": hashlib.sha256(data).hexdigest()}],
    }
    return _write(target / month / archive, data, manifest)


def write_first_format(database: Scratch, month: str, target: Path) -> Path:
    """The same without a folder of its own, and without the number of an audit entry."""
    folder = write_second_format(database, month, target)
    data = (folder / "logins-00000.jsonl.gz").read_bytes()
    manifest = json.loads((folder / "manifest.json").read_text())
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    for name in ("archive", "newest_entry", "newest_entry_at", "columns"):
        del manifest[name]
    return _write(target / month, data, manifest | {"format": "login-pipeline archive 1"})


def _write(folder: Path, data: bytes, manifest: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "logins-00000.jsonl.gz").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
