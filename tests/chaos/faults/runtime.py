"""Faults of the functions' runtime: killed, timed out, out of memory, frozen."""

import contextlib
import threading
import time
import uuid
from contextlib import ExitStack
from random import Random
from typing import Any

import psutil

from tests.chaos.events import now
from tests.chaos.faults.helpers import armed, padded, resume
from tests.chaos.faults.registry import WAIT_SECONDS, fault
from tests.chaos.functions import FUNCTIONS
from tests.chaos.pipeline import Pipeline
from tests.chaos.proxy import Cut, Rule, Step


@fault("function killed at any moment")
def _killed_function(pipeline: Pipeline, random: Random) -> int:
    before = pipeline.functions.crashes
    deadline = time.monotonic() + WAIT_SECONDS
    wanted = random.randint(1, 4)
    while pipeline.functions.crashes - before < wanted and time.monotonic() < deadline:
        time.sleep(random.uniform(0, 0.3))
        if runtimes := pipeline.functions.processes():
            pipeline.functions.kill([random.choice(runtimes)])
    return pipeline.functions.crashes - before


def _killed_at(name: str, cut: Cut) -> None:
    @fault(name)
    def strike(pipeline: Pipeline, random: Random) -> int:
        del random
        rule = Rule(Step.COMMIT, cut, call=pipeline.functions.kill)
        before = pipeline.functions.crashes
        with armed(pipeline, rule):
            pipeline.wait_until(lambda: rule.fired and pipeline.functions.crashes > before, WAIT_SECONDS)
        return min(rule.fired, pipeline.functions.crashes - before)


_killed_at("function killed just before the COMMIT", Cut.BEFORE)
_killed_at("function killed just after the COMMIT", Cut.NOTHING)


@fault("function ended at its timeout")
def _timeout(pipeline: Pipeline, random: Random) -> int:
    del random
    before = pipeline.functions.timeouts
    stopped: list[psutil.Process] = []

    def stop() -> None:
        # Not the one with the long time-out. Only one of the others is writing.
        slow = FUNCTIONS[2].time_zone
        stopped.extend(process for process in pipeline.functions.processes() if process.environ()["TZ"] != slow)
        for process in stopped:
            process.suspend()

    rule = Rule(Step.DATA, Cut.NOTHING, call=stop)
    try:
        with armed(pipeline, rule):
            pipeline.wait_until(lambda: pipeline.functions.timeouts > before, WAIT_SECONDS)
    finally:
        resume(stopped)
    return pipeline.functions.timeouts - before


@fault("memory limit")
def _memory(pipeline: Pipeline, random: Random) -> int:
    pipeline.functions.mark_logs()
    before = pipeline.functions.crashes
    limited: set[int] = set()

    def is_felt() -> bool:
        # Look again each time: a runtime that an earlier fault has killed may start only now.
        for process in pipeline.functions.processes():
            if process.pid not in limited:
                limited.add(process.pid)
                with contextlib.suppress(psutil.Error):
                    limit = process.memory_info().vms + random.choice((0, 1, 2, 4)) * 2**20
                    process.rlimit(psutil.RLIMIT_AS, (limit, limit))
        return pipeline.functions.count_in_logs("MemoryError") > 0 or pipeline.functions.crashes > before

    deliveries = [
        threading.Thread(target=pipeline.functions.deliver, args=(index, _make_heavy(pipeline)))
        for index in range(len(FUNCTIONS))
    ]
    try:
        for delivery in deliveries:
            delivery.start()
        pipeline.wait_until(is_felt, WAIT_SECONDS)
    finally:
        pipeline.functions.kill()
        for delivery in deliveries:
            delivery.join()
    return pipeline.functions.count_in_logs("MemoryError") + pipeline.functions.crashes - before


def _make_heavy(pipeline: Pipeline) -> list[dict[str, Any]]:
    name = {"sent_timestamp": now()}
    return pipeline.producer.make_records(
        [(padded(pipeline, 250_000)[0], {**name, "event_id": str(uuid.uuid4())}) for _ in range(20)]
    )


@fault("frozen and thawed, connections dead")
def _frozen(pipeline: Pipeline, random: Random) -> int:
    with ExitStack() as invocations:
        for lock in pipeline.functions.locks:  # Lambda freezes between two invocations
            invocations.enter_context(lock)
        frozen = pipeline.functions.processes()
        for process in frozen:
            process.suspend()
        links = pipeline.proxy.forget()
        pipeline.database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingest'")
        time.sleep(random.uniform(0.5, 2))
        resume(frozen)
    return links


@fault("cold start in an outage")
def _cold(pipeline: Pipeline, random: Random) -> int:
    with ExitStack() as invocations:
        for lock in pipeline.functions.locks:
            invocations.enter_context(lock)
        pipeline.proxy.refuse()
        pipeline.functions.kill()
    try:
        pipeline.functions.mark_logs()
        pipeline.wait_until(lambda: pipeline.functions.count_in_logs("Connection refused"), WAIT_SECONDS)
        time.sleep(random.uniform(0, 2))
    finally:
        pipeline.proxy.start()
    return pipeline.functions.count_in_logs("Connection refused")
