"""Produces rows as COPY text while Postgres reads it."""

from collections.abc import Iterable
from itertools import islice

from lambda_src.masking import Row
from lambda_src.rejects import Reject

ROWS_PER_CHUNK = 64  # about 16 KB: Postgres works on one chunk while the next is made
ROWS_AHEAD = 128  # Postgres collects 64 KB of a COPY before it inserts rows; sending earlier gains nothing


class CopyStream:
    """Reads records and hands their rows to COPY, a chunk at a time. Keeps rows and rejects for later steps."""

    def __init__(self, records: Iterable[Row | Reject]) -> None:
        self._coming = iter(records)
        self._failure: BaseException | None = None
        self._sent = 0
        self.rows: list[Row] = []
        self.rejects: list[Reject] = []

    def read(self, _size: int = -1) -> bytes:
        """Returns the next rows. psycopg2 accepts any number of bytes; an empty result ends the COPY."""
        while self._sent == len(self.rows) and self.take(ROWS_PER_CHUNK):
            pass
        lines = [row.line for row in self.rows[self._sent : self._sent + ROWS_PER_CHUNK]]
        self._sent += len(lines)
        return "".join(lines).encode()

    def take(self, count: int | None = None) -> bool:
        """Reads `count` records, or all that are left; returns False when none is left.

        A generator that has raised is exhausted. A second try would mistake the rows so far for the whole batch, so
        the same error is raised again.
        """
        if self._failure is not None:
            raise self._failure
        before = len(self.rows) + len(self.rejects)
        try:
            for record in islice(self._coming, count):
                if isinstance(record, Row):
                    self.rows.append(record)
                else:
                    self.rejects.append(record)
        except BaseException as failure:
            self._failure = failure
            raise
        return len(self.rows) + len(self.rejects) > before
