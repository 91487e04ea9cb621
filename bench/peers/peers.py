"""Other ways to write login events from a Lambda event to Postgres, which the benchmarks compare with the function.

All get the same events and the same server. All but the last two write the same table. `lacks` names what a way leaves
out.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bench.events import Event
from bench.peers.loaders import DltPipeline, SingerTarget
from bench.peers.same_work import ExecuteValues, PowertoolsBatch, Psycopg3Executemany
from bench.peers.small_systems import (
    CommitPerRow,
    Executemany,
    InsertPerTen,
    PandasToSql,
    write_with_a_connection_per_row,
)

NO_VALIDATION = "validation"
NO_KEY = "keyed hash"
NO_REPEATS = "messages delivered twice"
NO_BATCH = "partial failure"


@dataclass(frozen=True)
class Peer:
    """A way to write a batch. It is measured with batches from `smallest` to `largest`."""

    name: str
    write: Callable[[Event], None]
    lacks: tuple[str, ...] = ()
    largest: int = 10_000  # larger batches would only take long
    smallest: int = 10
    has_own_table: bool = False


def make_peers(superuser_url: str) -> list[Peer]:
    """Return all peers with open connections. The PG* variables and the URL name the server."""
    return [
        Peer(
            "a connection per row, SHA-256",
            write_with_a_connection_per_row,
            (NO_VALIDATION, NO_KEY, NO_REPEATS, NO_BATCH),
            largest=1_000,
        ),
        Peer("a row and a COMMIT each, MD5", CommitPerRow().write, (NO_VALIDATION, NO_KEY, NO_REPEATS, NO_BATCH)),
        Peer("AES, an INSERT per 10 messages", InsertPerTen().write, (NO_VALIDATION, NO_REPEATS, NO_BATCH)),
        Peer("base64, executemany", Executemany().write, (NO_VALIDATION, NO_KEY, NO_REPEATS, NO_BATCH)),
        Peer("pandas to_sql", PandasToSql().write, (NO_VALIDATION, NO_KEY, NO_REPEATS, NO_BATCH)),
        Peer("psycopg 3 executemany by 1,000, quarantine", Psycopg3Executemany().write),
        Peer("execute_values by 1,000", ExecuteValues().write),
        Peer("Powertools BatchProcessor, pydantic, an INSERT a record", PowertoolsBatch().write),
        Peer("dlt", DltPipeline(superuser_url).write, (NO_VALIDATION, NO_BATCH), smallest=1_000, has_own_table=True),
        Peer(
            "Singer target-postgres",
            SingerTarget(superuser_url).write,
            (NO_VALIDATION, NO_BATCH),
            smallest=1_000,
            has_own_table=True,
        ),
    ]
