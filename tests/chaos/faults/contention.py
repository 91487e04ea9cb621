"""Faults of concurrent writers: locks, deadlocks, and partitions that appear and disappear."""

import contextlib
import datetime
import threading
import time
import uuid
from random import Random
from typing import Any

import psycopg2

from tests.chaos.faults.helpers import armed, named, partition_of, send_of_month
from tests.chaos.faults.registry import WAIT_SECONDS, fault
from tests.chaos.pipeline import Pipeline
from tests.chaos.proxy import Cut, Rule, Step

WAITING = "SELECT pid FROM pg_stat_activity WHERE usename = 'ingest' AND wait_event_type = 'Lock'"


@fault("lock wait")
def _lock(pipeline: Pipeline, random: Random) -> int:
    waiting = 0
    with pipeline.database.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {random.choice(('user_logins', 'rejected_logins'))} IN ACCESS EXCLUSIVE MODE")
        pipeline.wait_until(lambda: pipeline.database.execute(WAITING), WAIT_SECONDS)
        waiting = len(pipeline.database.execute(WAITING))
        time.sleep(random.choice((0.5, 6)))  # within lock_timeout, or beyond
    return waiting


@fault("deadlock with a second writer")
def _deadlock(pipeline: Pipeline, random: Random) -> int:
    pipeline.functions.mark_logs()
    first, last = (f"{digit * 8}-0000-4000-8000-{random.getrandbits(48):012x}" for digit in "0f")
    events = [named(pipeline, name) for name in (first, last)]
    records = pipeline.producer.make_records(events)
    delivery = threading.Thread(target=pipeline.functions.deliver, args=(random.randrange(3), records))
    with pipeline.database.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("SET deadlock_timeout = '1min'")  # Postgres then always ends the function's side
        _insert_rival(cursor, events[1])
        delivery.start()
        holds = "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE usename = 'ingest' AND NOT granted"
        pipeline.wait_until(lambda: pipeline.database.execute(holds), WAIT_SECONDS)
        with contextlib.suppress(psycopg2.Error):
            _insert_rival(cursor, events[0])
        pipeline.wait_until(lambda: pipeline.functions.count_in_logs("SQLSTATE 40P01"), WAIT_SECONDS)
        connection.rollback()
    delivery.join()
    return pipeline.functions.count_in_logs("SQLSTATE 40P01")


def _insert_rival(cursor: Any, event: tuple[str, dict[str, str]]) -> None:
    cursor.execute(
        "INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip, "
        "masked_device_id, app_version_name) VALUES (%s, %s, 1, 1, 'rival', 'rival', 'rival', 'rival', '1')",
        (event[1]["event_id"], datetime.datetime.fromtimestamp(int(event[1]["sent_timestamp"]) / 1000, datetime.UTC)),
    )


@fault("two functions write the same events")
def _twins(pipeline: Pipeline, random: Random) -> int:
    # A bad event makes the write a transaction of several statements. It waits at its COMMIT with all rows locked.
    events = [pipeline.events.make() for _ in range(random.choice((1, 20, 200)))]
    records = pipeline.producer.make_records([*events, ("{", {}), named(pipeline, None)])
    hold = threading.Event()
    rule = Rule(Step.COMMIT, Cut.NOTHING, call=lambda: hold.wait(WAIT_SECONDS))
    twins = [threading.Thread(target=pipeline.functions.deliver, args=(index, records)) for index in (0, 2)]
    seen = 0
    with pipeline.quiet(), armed(pipeline, rule):  # other events must not meet the rule
        twins[0].start()
        pipeline.wait_until(lambda: rule.fired, WAIT_SECONDS)
        twins[1].start()
        pipeline.wait_until(lambda: pipeline.database.execute(WAITING), 3)
        seen = len(pipeline.database.execute(WAITING))
        hold.set()
    for twin in twins:
        twin.join()
    return seen


@fault("partition dropped")
def _dropped(pipeline: Pipeline, random: Random) -> int:
    del random
    month = pipeline.new_month()
    pipeline.database.execute(f"SELECT create_login_partitions('{month}', 1)")
    with pipeline.database.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {partition_of(month)}")
        send_of_month(pipeline, month, 30)
        pipeline.wait_until(lambda: pipeline.database.execute(WAITING), WAIT_SECONDS)
        connection.commit()
    in_default = f"SELECT count(*) FROM user_logins_default WHERE date_trunc('month', create_date) = '{month}'"
    pipeline.wait_until(lambda: pipeline.database.execute(in_default) != [(0,)], WAIT_SECONDS)
    ((count,),) = pipeline.database.execute(in_default)
    return int(count)


@fault("partition missing")
def _missing(pipeline: Pipeline, random: Random) -> int:
    del random
    month = pipeline.new_month()
    pipeline.functions.mark_logs()
    pipeline.database.execute("ALTER TABLE user_logins DETACH PARTITION user_logins_default")
    try:
        send_of_month(pipeline, month, 30)
        pipeline.wait_until(lambda: pipeline.functions.count_in_logs("has no partition"), WAIT_SECONDS)
    finally:
        pipeline.database.execute("ALTER TABLE user_logins ATTACH PARTITION user_logins_default DEFAULT")
    return pipeline.functions.count_in_logs("has no partition")


@fault("month's end")
def _months_end(pipeline: Pipeline, random: Random) -> int:
    moments = [datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC)]  # a leap day
    today = datetime.datetime.now(datetime.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    moments += [today, (today + datetime.timedelta(days=40)).replace(day=1)]
    events = []
    for moment in moments:
        for milliseconds in (-1, 0, 1, random.randint(-(14 * 3_600_000), 14 * 3_600_000)):
            body, attributes = pipeline.events.make()
            sent = str(int(moment.timestamp() * 1000) + milliseconds)
            events.append((body, {"event_id": str(uuid.uuid4()), **attributes, "sent_timestamp": sent}))
    pipeline.producer.send(events)
    return len(events)
