"""Faults of Postgres itself: killed, restarted, full, failed over."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from random import Random
from typing import Any

import psycopg2

from tests.chaos import tmpfs
from tests.chaos.faults.helpers import armed, bounds, partition_of, send_of_month
from tests.chaos.faults.registry import WAIT_SECONDS, ImpossibleError, PromiseError, fault
from tests.chaos.pipeline import Pipeline
from tests.chaos.proxy import Cut, Rule, Step


def _outage(pipeline: Pipeline, random: Random, end: Callable[[], None]) -> int:
    """End Postgres in the middle of a write, and start it again after a while."""
    done = threading.Event()

    def strike() -> None:
        end()
        done.set()

    rule = Rule(random.choice((Step.BEGIN, Step.DATA, Step.DATA_END, Step.COMMIT)), Cut.AFTER, call=strike)
    try:
        with armed(pipeline, rule):
            pipeline.wait_until(done.is_set, WAIT_SECONDS)
            time.sleep(random.uniform(0, 2))
    finally:
        pipeline.database.server.start()
    return int(done.is_set())


@fault("Postgres killed and recovered")
def _killed(pipeline: Pipeline, random: Random) -> int:
    log = pipeline.database.server.log_path
    before = log.read_text(errors="replace").count("not properly shut down")
    _outage(pipeline, random, pipeline.database.server.kill)
    return log.read_text(errors="replace").count("not properly shut down") - before


@fault("Postgres restarted")
def _restarted(pipeline: Pipeline, random: Random) -> int:
    return _outage(pipeline, random, lambda: pipeline.database.server.stop("fast"))


@fault("sessions ended by the administrator")
def _terminated(pipeline: Pipeline, random: Random) -> int:
    del random
    ended: list[Any] = []

    def end() -> bool:
        ended.extend(
            pipeline.database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingest' AND state <> 'idle'"
            )
        )
        return bool(ended)

    pipeline.wait_until(end, WAIT_SECONDS)
    return len(ended)


@fault("out of connections")
def _crowded(pipeline: Pipeline, random: Random) -> int:
    pipeline.functions.mark_logs()
    with ExitStack() as crowd:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline and not _count_crowded(pipeline):
            try:
                crowd.enter_context(pipeline.database.connect(user="ingest"))
            except psycopg2.OperationalError:
                pipeline.proxy.reset()
                time.sleep(0.2)
        time.sleep(random.uniform(0, 1))
    return _count_crowded(pipeline)


def _count_crowded(pipeline: Pipeline) -> int:
    return sum(map(pipeline.functions.count_in_logs, ("too many clients", "remaining connection slots")))


@fault("disk full")
def _disk_full(pipeline: Pipeline, random: Random) -> int:
    del random
    month, partition, directory = pipeline.new_month(), "on_small_disk", pipeline.directory / "small"
    with ExitStack() as heal:
        try:
            heal.enter_context(tmpfs.mounted(directory, "16m", pipeline.database.server.data.stat().st_uid))
        except tmpfs.MountError as error:
            raise ImpossibleError(str(error)) from None
        pipeline.database.execute(
            f"CREATE TABLESPACE small LOCATION '{directory / 'space'}'",
            f"CREATE TABLE {partition} PARTITION OF user_logins {bounds(month)} TABLESPACE small",
        )
        heal.callback(
            pipeline.database.execute,
            f"ALTER TABLE {partition} SET TABLESPACE pg_default",
            f"ALTER TABLE {partition} RENAME TO {partition_of(month)}",
            "DROP TABLESPACE small",
        )
        filler = directory / "filler"
        heal.callback(filler.unlink, missing_ok=True)
        tmpfs.fill(filler)
        pipeline.functions.mark_logs()
        send_of_month(pipeline, month, 300)
        pipeline.wait_until(lambda: pipeline.functions.count_in_logs("SQLSTATE 53100"), WAIT_SECONDS)
        filler.unlink()
        with pipeline.quiet():
            return pipeline.functions.count_in_logs("SQLSTATE 53100")


@fault("standby promoted, the old primary read-only")
def _failover(pipeline: Pipeline, random: Random) -> int:
    old, standby = pipeline.database.server, pipeline.database.start_standby()
    pipeline.functions.mark_logs()
    pipeline.database.execute("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    pipeline.wait_until(lambda: _count_read_only(pipeline), WAIT_SECONDS)
    time.sleep(random.uniform(0, 1))
    _wait_for_writers(pipeline)
    pipeline.database.server = standby
    pipeline.database.execute("SELECT pg_promote()")
    pipeline.proxy.upstream = standby.port  # existing connections keep the old primary
    time.sleep(1)
    old.stop("immediate")
    return _count_read_only(pipeline)


def _count_read_only(pipeline: Pipeline) -> int:
    return pipeline.functions.count_in_logs("SQLSTATE 25006")


def _wait_for_writers(pipeline: Pipeline) -> None:
    """Wait until no function has a transaction open, as on a primary that was fenced off."""
    writers = "SELECT 1 FROM pg_stat_activity WHERE usename = 'ingest' AND backend_xid IS NOT NULL"
    if not pipeline.wait_until(lambda: not pipeline.database.execute(writers), WAIT_SECONDS):
        raise PromiseError("a write goes on without end")


@fault("password changed under a live pool")
def _password(pipeline: Pipeline, random: Random) -> int:
    del random
    pipeline.functions.mark_logs()
    pipeline.database.set_password("another")
    try:
        pipeline.proxy.reset()
        pipeline.wait_until(lambda: pipeline.functions.count_in_logs("authentication failed"), WAIT_SECONDS)
    finally:
        pipeline.database.set_password(pipeline.database.password)
    return pipeline.functions.count_in_logs("authentication failed")
