"""Concurrent batches with the same events, in any order, from threads and from processes."""

import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from lambda_src.database import Database
from lambda_src.identity import sort_key
from lambda_src.masking import Salt
from lambda_src.outcome import BatchResult, WriteOptions
from lambda_src.records import make_records
from lambda_src.settings import load_database_settings
from lambda_src.sqs import make_event
from lambda_src.writing import write_batch
from tests.execution_environment import ExecutionEnvironment
from tests.function import Function
from tests.scratch import Scratch
from tests.support import NOON, Record, make_record
from tests.support import make_records as make_messages

SALT = Salt(bytes(32), 1)


def write_at_once(database: Scratch, batches: list[list[Record]]) -> list[BatchResult]:
    """Writes the batches at the same moment, each over a connection of its own."""
    barrier = Barrier(len(batches))

    def write(records: list[Record]) -> BatchResult:
        connection = Database(load_database_settings(database.environment("ingest")))
        events = sorted(map(make_event, records), key=sort_key)
        try:
            write_batch(connection, [], WriteOptions(SALT))  # so that each is connected
            barrier.wait(10)
            return write_batch(connection, make_records(events, SALT), WriteOptions(SALT))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(batches)) as pool:
        return list(pool.map(write, batches))


def deadlocks(database: Scratch) -> int:
    """Returns the number of deadlocks that Postgres has seen in the database."""
    database.execute("SELECT pg_stat_clear_snapshot()")
    ((count,),) = database.query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(count)


def test_same_batch_at_once_is_written_once(database: Scratch) -> None:
    records = [*make_messages(500), make_record("{"), make_record("[]")]
    results = write_at_once(database, [records, records, records])
    assert sorted((result.written, result.duplicates) for result in results) == [(0, 500), (0, 500), (500, 0)]
    assert database.count() == 500
    assert database.rows("times", "rejected_logins") == [(3,), (3,)]


def overlapping_batches(chance: random.Random, days: int) -> list[list[Record]]:
    """Returns two batches of 420 with 220 common events, in opposite order; the dates cover `days` days."""
    records = []
    for _ in range(600):
        key = uuid.UUID(int=chance.getrandbits(128))
        records.append(make_record(message_id=str(key), sent=NOON + key.int % days * 86_400_000))
    bad = [make_record("{") for _ in range(20)]
    return [[*bad, *records[:400]], [*reversed(records[200:]), *reversed(bad)]]


def test_overlapping_batches_in_opposite_order_never_deadlock(database: Scratch) -> None:
    database.execute("ALTER DATABASE this SET deadlock_timeout = '5ms'")
    chance = random.Random(17)  # noqa: S311
    for _ in range(12):
        results = write_at_once(database, overlapping_batches(chance, days=1))
        assert sum(result.written for result in results) == 600
    assert database.count() == 12 * 600
    assert deadlocks(database) == 0


def test_merge_of_rows_of_very_different_length_keeps_the_order_of_keys(function: Function, database: Scratch) -> None:
    """The staging table does not keep the order of the COPY if it has long and short rows."""
    known = make_record()
    assert function(known) == []
    database.execute(
        "CREATE TABLE seen (number bigserial, event_id uuid);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN INSERT INTO public.seen (event_id) VALUES (new.event_id); RETURN new; END $$;"
        "CREATE TRIGGER note BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION note()"
    )
    chance = random.Random(17)  # noqa: S311
    for _ in range(10):
        lengths = [chance.choice((1, 128)) for _ in range(600)]
        records = [make_record(user_id="u" * length, locale=None if length == 1 else "l" * 32) for length in lengths]
        assert function(*records, known) == []
        written = [event_id for (event_id,) in database.query("SELECT event_id FROM seen ORDER BY number")]
        assert written == sorted(record["messageId"] for record in (*records, known))
        database.execute("TRUNCATE seen")


def test_overlapping_batches_of_several_months(database: Scratch) -> None:
    """COPY writes partition by partition, so the batches can deadlock. The second try must write them."""
    database.execute("SELECT create_login_partitions('2023-11-01', 3)")
    database.execute("ALTER DATABASE this SET deadlock_timeout = '5ms'")
    chance = random.Random(17)  # noqa: S311
    for _ in range(12):
        results = write_at_once(database, overlapping_batches(chance, days=75))
        assert sum(result.written for result in results) == 600
    assert database.count() == 12 * 600


def test_same_batch_in_two_processes_at_once(
    database: Scratch, execution_environments: Callable[[dict[str, str]], ExecutionEnvironment]
) -> None:
    environments = [execution_environments({}) for _ in range(2)]
    records = make_messages(200)
    for environment in environments:
        assert environment.invoke()["response"] == {"batchItemFailures": []}
    for environment in environments:
        environment.send(*records)
    answers = [environment.receive() for environment in environments]
    assert [answer["response"] for answer in answers] == [{"batchItemFailures": []}] * 2
    assert database.rows() == sorted((f"user {number}",) for number in range(200))
