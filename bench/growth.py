"""What changes as the table grows, as writers are added, and how fast the shared views answer at the end."""

import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any, NamedTuple

from psycopg2 import extensions

from bench.contenders import RawCopy, load_writer, quiet_output
from bench.events import NOON, Batches
from bench.sampling import Sample
from bench.servers import Servers
from lambda_src.normal_forms import MILLISECONDS_PER_DAY

BATCH = 10_000
STEP = 1_000_000  # rows: the table's growth is told in these
WRITERS = (1, 2, 4, 8)
WRITER_BATCH = 1_000
WRITER_BATCHES = 60
QUICK_WRITER_BATCHES = 8
NEW_LOGINS = 10_000
QUERY_ROUNDS = 3

COUNT_SHARING = "SELECT count_sharing()"
# As some time after a count: the logins of its last five minutes, which are in it too, need no second look.
CALL_ALL_COUNTED = "UPDATE sharing_counted SET through = clock_timestamp()"
SIZES = (
    "SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid)) FROM pg_partition_tree('user_logins') WHERE isleaf"
)
SPLIT_MONTHS = "SELECT split_login_months()"
QUERIES = {
    "the 100 devices with most logins": "SELECT * FROM shared_devices ORDER BY logins DESC LIMIT 100",
    "the 100 addresses with most logins": "SELECT * FROM shared_ips ORDER BY logins DESC LIMIT 100",
    "devices of more than three users": "SELECT count(*), sum(logins) FROM shared_devices WHERE users > 3",
    "addresses of more than three users": "SELECT count(*), sum(logins) FROM shared_ips WHERE users > 3",
    "one device": """
        SELECT * FROM shared_devices
        WHERE masked_device_id = (SELECT masked_device_id FROM user_logins LIMIT 1)
    """,
}
COUNTS = {
    "shared_devices": "SELECT count(*) FROM shared_devices",
    "shared_ips": "SELECT count(*) FROM shared_ips",
}
EXPLAINED = "the 100 devices with most logins"

Connection = extensions.connection


class Case(NamedTuple):
    """Over how many days the rows are spread, and how the months are partitioned."""

    days: int
    by_day: bool


CASES = {
    "a month each": Case(10 * 31, by_day=False),
    "one month": Case(1, by_day=False),
    "one month, by day": Case(28, by_day=True),
}


def measure_growth(rows: int, case: Case, report: Callable[[str], None]) -> dict[str, Any]:
    """Fills the table through the function, by 10,000; tells seconds a batch by the million, sizes and query times."""
    with Servers() as servers, closing(servers.connect()) as connection:
        connection.autocommit = True
        write = load_writer()
        if case.by_day:
            _query(connection, SPLIT_MONTHS)
        batches = Batches(seed=7)
        steps = []
        for step in range(max(1, rows // STEP)):
            seconds = []
            with quiet_output():
                for number in range(min(rows, STEP) // BATCH):
                    day = case.days * (step * STEP + number * BATCH) // rows
                    event = batches.make(BATCH, NOON + day * MILLISECONDS_PER_DAY)
                    started = time.perf_counter()
                    write(event)
                    seconds.append(time.perf_counter() - started)
            steps.append({**Sample.of(seconds).as_dict(), "mean": round(sum(seconds) / len(seconds), 7)})
            report(f"{(step + 1) * min(rows, STEP):,} rows: {steps[-1]['median'] * 1000:.0f} ms a batch (median)")
        ((table_bytes, index_bytes),) = _query(connection, SIZES)
        return {
            "rows": rows,
            "steps": steps,
            "ratio": round(steps[-1]["median"] / steps[0]["median"], 2),
            "mean_ratio": round(steps[-1]["mean"] / steps[0]["mean"], 2),
            "gigabytes": {"table": round(int(table_bytes) / 1e9, 2), "indexes": round(int(index_bytes) / 1e9, 2)},
            "sharing": _measure_sharing(connection, write, batches, report),
        }


def measure_writers(servers: Servers, *, quick: bool) -> dict[str, Any]:
    """Rows a second of 1 to 8 processes that write at once, by the function and by raw COPY."""
    count = QUICK_WRITER_BATCHES if quick else WRITER_BATCHES
    result: dict[str, Any] = {}
    for writers in WRITERS:
        cell = {}
        for name, target in (("this function", write_by_function), ("raw COPY", write_by_copy)):
            with closing(servers.connect()) as connection, connection, connection.cursor() as cursor:
                cursor.execute("TRUNCATE user_logins")
            cell[name] = round(_rows_a_second(target, writers, count))
        result[str(writers)] = cell
    return result


def write_by_function(seed: int, count: int, start: Barrier, end: Barrier) -> None:
    """One writer: batches through the function."""
    batches = Batches(seed)
    events = [batches.make(WRITER_BATCH) for _ in range(count)]
    with quiet_output():
        write = load_writer()
        write(batches.make(10))
        start.wait()
        for event in events:
            write(event)
        end.wait()


def write_by_copy(seed: int, count: int, start: Barrier, end: Barrier) -> None:
    """One writer: raw COPYs of finished rows."""
    batches = Batches(seed)
    copy = RawCopy()
    rows = [copy.prepare(batches.make(WRITER_BATCH)) for _ in range(count)]
    copy.write(copy.prepare(batches.make(10)))
    start.wait()
    for text in rows:
        copy.write(text)
    end.wait()


def _rows_a_second(target: Callable[[int, int, Barrier, Barrier], None], writers: int, count: int) -> float:
    context = get_context("spawn")
    start, end = context.Barrier(writers + 1), context.Barrier(writers + 1)
    processes = [
        context.Process(target=target, args=(100 + number, count, start, end), daemon=True) for number in range(writers)
    ]
    for process in processes:
        process.start()
    start.wait(timeout=300)
    started = time.perf_counter()
    end.wait(timeout=300)
    seconds = time.perf_counter() - started
    for process in processes:
        process.join()
    return writers * count * WRITER_BATCH / seconds


def _measure_sharing(
    connection: Connection, write: Callable[[Any], None], batches: Batches, report: Callable[[str], None]
) -> dict[str, Any]:
    _query(connection, "VACUUM ANALYZE user_logins")
    started = time.perf_counter()
    _query(connection, COUNT_SHARING)
    count_seconds = time.perf_counter() - started
    report(f"count_sharing(): {count_seconds:.0f} s")
    _query(connection, CALL_ALL_COUNTED)
    shared = {name: _query(connection, query)[0][0] for name, query in COUNTS.items()}
    counted = {name: _best_seconds(connection, query) for name, query in QUERIES.items()}
    plan = [line for (line,) in _query(connection, f"EXPLAIN (ANALYZE, COSTS off, BUFFERS off) {QUERIES[EXPLAINED]}")]
    with quiet_output():
        write(batches.make(NEW_LOGINS))
    later = {name: _best_seconds(connection, query) for name, query in QUERIES.items()}
    return {
        "count_seconds": round(count_seconds, 1),
        "shared": shared,
        "seconds": counted,
        "seconds_after_new_logins": later,
        "new_logins": NEW_LOGINS,
        "explained": QUERIES[EXPLAINED],
        "plan": _shorten(plan),
    }


def _best_seconds(connection: Connection, query: str) -> float:
    taken = []
    for _ in range(QUERY_ROUNDS):
        started = time.perf_counter()
        _query(connection, query)
        taken.append(time.perf_counter() - started)
    return round(min(taken), 3)


def _shorten(plan: list[str]) -> list[str]:
    """Without the lines that repeat for each partition."""
    repeated = ("Index Searches", "Filter: ((masked", "Recheck Cond", "Index Cond", "Filter: (written_at")
    return [line for line in plan if "_20" not in line and not line.strip().startswith(repeated)]


def _query(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
