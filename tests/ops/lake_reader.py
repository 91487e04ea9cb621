"""Reads archives with nothing of the project: Apache Arrow for the files, JSON for the manifests."""

import json
from pathlib import Path
from typing import Any

import pyarrow.dataset

Row = dict[str, Any]
PARTITIONING = pyarrow.dataset.partitioning(
    pyarrow.schema([("month", pyarrow.string()), ("day", pyarrow.string())]), flavor="hive"
)


def read_rows(target: Path) -> list[Row]:
    """All rows that an engine finds in the folder, `month` and `day` of the folders' names included."""
    dataset = pyarrow.dataset.dataset(target, format="parquet", partitioning=PARTITIONING)
    rows: list[Row] = dataset.to_table().to_pylist()
    return rows


def newest_manifests(target: Path) -> list[Row]:
    """The newest generation of each archive."""
    newest = {}
    for path in sorted((target / "_manifests").rglob("*.json")):
        newest[path.name.partition(".")[0]] = json.loads(path.read_text())
    return list(newest.values())


def data_files(target: Path) -> list[Path]:
    """All files of Parquet, and what looks like a part of one."""
    return sorted(path for path in target.glob("month=*/day=*/*") if path.is_file())
