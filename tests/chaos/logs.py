"""The logs of all parts, and the search for personal data in them."""

import contextlib
import re
import threading
from pathlib import Path

import psycopg2

from tests.chaos.database import Database
from tests.chaos.events import CANARY, VISITOR

LINE_SHOWN = 300  # characters of a line with personal data, which the run has made up
SEARCH_AGAIN = 4096  # last bytes of a log: the last search may have read half of a line
# A log may contain no address but 127.0.0.1. A time has two colons, an IPv6 address has more.
ADDRESS = re.compile(
    r"(?<![\w.])(?!127\.0\.0\.1\b)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])|\b[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){3,}"
)


class Leaks:
    """Looks for personal data where none may be."""

    def __init__(self, directory: Path, database: Database) -> None:
        """Take the directory with all logs, and the database whose statements to watch."""
        self._directory = directory
        self._database = database
        self._searched: dict[Path, int] = {}  # position up to which a log was searched
        self._seen: list[str] = []
        self._noting = threading.Lock()

    def watch_statements(self, stopping: threading.Event) -> None:
        """Look now and then at the functions' statements in pg_stat_activity, until `stopping` is set."""
        while not stopping.wait(0.5):
            with contextlib.suppress(psycopg2.Error):
                shown = str(self._database.execute("SELECT query FROM pg_stat_activity WHERE usename = 'ingest'"))
                if CANARY in shown or ADDRESS.search(shown):
                    with self._noting:
                        self._seen.append("personal data in pg_stat_activity")

    def find(self) -> list[str]:
        """Return the leaks since the last call."""
        with self._noting:
            leaks, self._seen = self._seen, []
        for path in self._directory.rglob("*.log"):
            if path.name == "ministack.log":
                continue
            text = read_from(path, self._searched.get(path, 0))
            self._searched[path] = path.stat().st_size - SEARCH_AGAIN
            forbidden = (CANARY,) if path.name == "postgres.log" else (CANARY, VISITOR)
            for line in text.splitlines():
                if any(mark in line for mark in forbidden) or ADDRESS.search(line):
                    leaks.append(f"personal data in {path.relative_to(self._directory)}: {line[:LINE_SHOWN]}")
        return leaks


def read_from(path: Path, position: int) -> str:
    """Return a log from a position on, without the rest of the line there: half an address is another address."""
    with path.open("rb") as log:
        log.seek(max(0, position))
        if position > 0:
            log.readline()
        return log.read().decode(errors="replace")
