"""Reads the log of the local function: the sums of its metrics, and its last error."""

import json
import os
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.live.sample import SUMS, WRITE_TIME, Counts, FunctionError
from ops.times import format_time

LARGEST_START = 4_000_000  # bytes to read of an existing log: more than an hour
ERROR = "[ERROR] "  # how AWS's runtime client prints an exception of the function
FAILED = "batch failed"  # without a count, because the function raised; in an emulator the error follows


class FunctionLog:
    """A growing log; `counts` and `last_error` hold the result of what was read so far."""

    def __init__(self, path: Path) -> None:
        self.counts = Counts()
        self.last_error: FunctionError | None = None
        self._path = path
        self._offset: int | None = None
        self._printed_at: str | None = None  # time of the last metrics; errors are printed without one

    def read(self) -> None:
        """Reads new lines; starts again if the log was restarted. Raises OSError."""
        with self._path.open("rb") as log:
            size = os.fstat(log.fileno()).st_size
            if self._offset is None:
                self._offset = max(0, size - LARGEST_START)
            elif size < self._offset:
                self._offset, self.counts = 0, Counts()
            log.seek(self._offset)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode(errors="replace").split("\n"):
            self._add(line)

    def _add(self, line: str) -> None:
        if line.startswith(ERROR):
            at = self._printed_at or format_time(datetime.now(UTC))
            self.last_error = FunctionError(at, line.removeprefix(ERROR).partition("\r")[0])
        elif '"_aws"' in line:
            try:
                entry = json.loads(line)
            except ValueError:
                return  # an incomplete line, at the start of the part that is read of a long log
            self._printed_at = format_time(datetime.fromtimestamp(entry["_aws"]["Timestamp"] / 1000, UTC))
            if "reason" not in entry:  # these lines repeat counts of the batch
                self._count(entry)
            if entry.get("message") == FAILED and SUMS["failed"] not in entry:
                self.last_error = FunctionError(self._printed_at, "The function raised.")

    def _count(self, entry: dict[str, Any]) -> None:
        values = {name: sum(entry.get(metric, ())) for name, metric in SUMS.items()}
        values["batches"] = len(entry.get(WRITE_TIME, ()))
        before = self.counts
        self.counts = replace(
            before, **{each.name: getattr(before, each.name) + values[each.name] for each in fields(Counts)}
        )
