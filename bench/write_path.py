"""`python -m bench.write_path`: which statement writes a batch fastest, into the real table with its real indexes.

Each way takes ready rows, so that only the way differs; each ends with its COMMIT. Ways take turns, the best round of
each counts: other work on the machine only ever adds time.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg2
from psycopg2 import extensions
from psycopg2.extras import execute_values

from bench.events import Batches
from lambda_src.contract import COLUMN_TYPES, COLUMNS
from lambda_src.masking import NULL, Salt, mask_login
from lambda_src.migrate import migrate
from lambda_src.parsing import parse_event
from lambda_src.sqs import make_event
from lambda_src.staging import COLUMN_LIST, COPY_ARRIVALS, CREATE_ARRIVALS, MERGE_ARRIVALS
from lambda_src.writing import COPY_LOGINS
from local.postgres import PostgresServer

ROUNDS = {10: 150, 100: 50, 1_000: 20, 10_000: 8}
INSERT = f"INSERT INTO user_logins ({COLUMN_LIST})"

Row = tuple[str | None, ...]
Way = Callable[[extensions.cursor, list[Row]], None]


class Text:
    """Rows as COPY text, in pieces of 16 KB."""

    def __init__(self, rows: list[Row]) -> None:
        lines = ["\t".join(NULL if value is None else value for value in row) + "\n" for row in rows]
        self._text = "".join(lines).encode()
        self._at = 0

    def read(self, _size: int = -1) -> bytes:
        """The next piece."""
        self._at += 16_384
        return self._text[self._at - 16_384 : self._at]


def copy(cursor: extensions.cursor, rows: list[Row]) -> None:
    """COPY straight into the table; fails when a row is there already."""
    cursor.copy_expert(COPY_LOGINS, Text(rows))  # type: ignore[arg-type]  # only read() is called


def staging(cursor: extensions.cursor, rows: list[Row]) -> None:
    """COPY into a temporary table of the session, then INSERT … SELECT … ON CONFLICT."""
    cursor.execute(CREATE_ARRIVALS)
    cursor.copy_expert(COPY_ARRIVALS, Text(rows))  # type: ignore[arg-type]  # only read() is called
    cursor.execute(MERGE_ARRIVALS)


def one_json_parameter(cursor: extensions.cursor, rows: list[Row]) -> None:
    """The batch as one JSON text."""
    names = COLUMNS
    records = json.dumps([dict(zip(names, row, strict=True)) for row in rows])
    cursor.execute(
        f"{INSERT} SELECT {COLUMN_LIST} FROM json_populate_recordset(null::user_logins, %s) ON CONFLICT DO NOTHING",  # noqa: S608
        (records,),
    )


def one_array_a_column(cursor: extensions.cursor, rows: list[Row]) -> None:
    """The batch as an array a column."""
    arrays = ", ".join(f"%s::{name}[]" for name in COLUMN_TYPES.values())
    columns = [list(column) for column in zip(*rows, strict=True)]
    cursor.execute(f"{INSERT} SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING", columns)  # noqa: S608


def values_by_1000(cursor: extensions.cursor, rows: list[Row]) -> None:
    """INSERT … VALUES with psycopg2's execute_values."""
    execute_values(cursor, f"{INSERT} VALUES %s ON CONFLICT DO NOTHING", rows, page_size=1_000)


WAYS: list[Way] = [copy, staging, one_json_parameter, one_array_a_column, values_by_1000]


def make_rows(batches: Batches, count: int) -> list[Row]:
    """Rows with fresh keys, sorted by key; no value of the benchmark's events has to be escaped."""
    salt = Salt(os.urandom(32), 1)
    lines = (mask_login(parse_event(make_event(message)), salt).line for message in batches.make(count)["Records"])
    return [tuple(None if cell == NULL else cell for cell in line[:-1].split("\t")) for line in sorted(lines)]


def timed(connection: extensions.connection, way: Way, rows: list[Row]) -> float:
    """Microseconds a row, COMMIT included."""
    started = time.perf_counter()
    with connection, connection.cursor() as cursor:
        way(cursor, rows)
    return (time.perf_counter() - started) / len(rows) * 1e6


def main() -> int:
    """Prints a table in Markdown; microseconds a row, fresh rows / rows that are all there already."""
    with tempfile.TemporaryDirectory() as directory, PostgresServer(Path(directory)) as server:
        os.environ.update(server.environment("postgres"))
        connection = psycopg2.connect("")
        migrate(connection)
        batches = Batches(seed=8)
        print("| batch | " + " | ".join(way.__name__ for way in WAYS) + " |\n|" + "---|" * (len(WAYS) + 1))
        for size, rounds in ROUNDS.items():
            fresh: dict[Way, list[float]] = {way: [] for way in WAYS}
            again: dict[Way, list[float]] = {way: [] for way in WAYS}
            for _ in range(rounds):
                for way in WAYS:
                    rows = make_rows(batches, size)
                    fresh[way].append(timed(connection, way, rows))
                    if way is not copy:
                        again[way].append(timed(connection, way, rows))
            cells = [
                f"{min(fresh[way]):.1f} / {min(again[way]):.1f}" if again[way] else f"{min(fresh[way]):.1f} / -"
                for way in WAYS
            ]
            print(f"| {size:,} | " + " | ".join(cells) + " |", flush=True)
        connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
