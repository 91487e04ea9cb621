"""Lines of archives, and their checksum. A line is a login in JSON, as Postgres writes it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

PAGE = 5_000  # logins in one call: a login is at most 1 KB, and Lambda takes and returns 6 MB
BEFORE_ALL = ["00000000-0000-0000-0000-000000000000", "0001-01-01"]


@dataclass
class Checksum:
    """The number and the checksum of lines, which do not depend on the order."""

    count: int = 0
    total: int = 0  # sum over lines: the first 8 bytes of SHA-256, signed, as line_checksum() in the database

    def add(self, lines: Iterable[str]) -> None:
        """Adds lines."""
        for line in lines:
            self.count += 1
            self.total += int.from_bytes(hashlib.sha256(line.encode()).digest()[:8], "big", signed=True)
