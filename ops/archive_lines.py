"""Lines of archives: a login as Postgres writes it, as JSON; and their checksum."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

PAGE = 5_000  # logins in one call: a login is at most 1 KB, and Lambda takes and returns 6 MB
BEFORE_ALL = ["00000000-0000-0000-0000-000000000000", "0001-01-01"]


@dataclass
class Checksum:
    """What an archive holds, whatever the order of its lines."""

    count: int = 0
    total: int = 0  # of the first 8 bytes of each line's SHA-256, signed: as line_checksum() in the database

    def add(self, lines: Iterable[str]) -> None:
        """Takes in lines."""
        for line in lines:
            self.count += 1
            self.total += int.from_bytes(hashlib.sha256(line.encode()).digest()[:8], "big", signed=True)
