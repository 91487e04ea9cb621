"""Faults of the functions' runtime: killed, timed out, out of memory, frozen."""

import contextlib
import threading
import time
import uuid
from contextlib import ExitStack
from random import Random
from typing import Any

import psutil

from tests.chaos.faults.helpers import armed, padded, resume
from tests.chaos.faults.registry import WAIT_SECONDS, fault
from tests.chaos.pipeline import FUNCTIONS, Pipeline
from tests.chaos.proxy import Cut, Rule, Step


@fault("function killed at any moment")
def _killed_function(pipeline: Pipeline, random: Random) -> int:
    before = pipeline.crashes
    deadline = time.monotonic() + WAIT_SECONDS
    wanted = random.randint(1, 4)
    while pipeline.crashes - before < wanted and time.monotonic() < deadline:
        time.sleep(random.uniform(0, 0.3))
        if runtimes := pipeline.runtimes():
            pipeline.kill_runtimes([random.choice(runtimes)])
    return pipeline.crashes - before


def _killed_at(name: str, cut: Cut) -> None:
    @fault(name)
    def strike(pipeline: Pipeline, random: Random) -> int:
        del random
        rule = Rule(Step.COMMIT, cut, call=pipeline.kill_runtimes)
        before = pipeline.crashes
        with armed(pipeline, rule):
            pipeline.wait_until(lambda: rule.fired and pipeline.crashes > before, WAIT_SECONDS)
        return min(rule.fired, pipeline.crashes - before)


_killed_at("function killed just before the COMMIT", Cut.BEFORE)
_killed_at("function killed just after the COMMIT", Cut.NOTHING)


@fault("function ended at its timeout")
def _timeout(pipeline: Pipeline, random: Random) -> int:
    del random
    before = pipeline.timeouts
    stopped: list[psutil.Process] = []

    def stop() -> None:
        # All but the one with the long timeout; only one of them is writing.
        stopped.extend(process for process in pipeline.runtimes() if process.environ()["TZ"] != FUNCTIONS[2][2])
        for process in stopped:
            process.suspend()

    rule = Rule(Step.DATA, Cut.NOTHING, call=stop)
    try:
        with armed(pipeline, rule):
            pipeline.wait_until(lambda: pipeline.timeouts > before, WAIT_SECONDS)
    finally:
        resume(stopped)
    return pipeline.timeouts - before


@fault("memory limit")
def _memory(pipeline: Pipeline, random: Random) -> int:
    pipeline.mark_logs()
    before = pipeline.crashes
    limited: set[int] = set()

    def is_felt() -> bool:
        # Again and again: a runtime that had died of an earlier fault starts only now.
        for process in pipeline.runtimes():
            if process.pid not in limited:
                limited.add(process.pid)
                with contextlib.suppress(psutil.Error):
                    limit = process.memory_info().vms + random.choice((0, 1, 2, 4)) * 2**20
                    process.rlimit(psutil.RLIMIT_AS, (limit, limit))
        return pipeline.count_in_logs("MemoryError") > 0 or pipeline.crashes > before

    deliveries = [
        threading.Thread(target=pipeline.deliver, args=(index, _make_heavy(pipeline)))
        for index in range(len(FUNCTIONS))
    ]
    try:
        for delivery in deliveries:
            delivery.start()
        pipeline.wait_until(is_felt, WAIT_SECONDS)
    finally:
        pipeline.kill_runtimes()
        for delivery in deliveries:
            delivery.join()
    return pipeline.count_in_logs("MemoryError") + pipeline.crashes - before


def _make_heavy(pipeline: Pipeline) -> list[dict[str, Any]]:
    name = {"sent_timestamp": str(int(time.time() * 1000))}
    return pipeline.make_records(
        [(padded(pipeline, 250_000)[0], {**name, "event_id": str(uuid.uuid4())}) for _ in range(20)]
    )


@fault("frozen and thawed, connections dead")
def _frozen(pipeline: Pipeline, random: Random) -> int:
    with ExitStack() as invocations:
        for lock in pipeline.locks:  # Lambda freezes between two invocations
            invocations.enter_context(lock)
        frozen = pipeline.runtimes()
        for process in frozen:
            process.suspend()
        links = pipeline.proxy.forget()
        pipeline.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingest'")
        time.sleep(random.uniform(0.5, 2))
        resume(frozen)
    return links


@fault("cold start in an outage")
def _cold(pipeline: Pipeline, random: Random) -> int:
    with ExitStack() as invocations:
        for lock in pipeline.locks:
            invocations.enter_context(lock)
        pipeline.proxy.refuse()
        pipeline.kill_runtimes()
    try:
        pipeline.mark_logs()
        pipeline.wait_until(lambda: pipeline.count_in_logs("Connection refused"), WAIT_SECONDS)
        time.sleep(random.uniform(0, 2))
    finally:
        pipeline.proxy.start()
    return pipeline.count_in_logs("Connection refused")
