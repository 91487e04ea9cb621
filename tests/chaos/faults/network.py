"""Faults between the function and Postgres: each step of a write cut, silent, slow or refused."""

import time
from random import Random

from tests.chaos.faults.helpers import armed
from tests.chaos.faults.registry import WAIT_SECONDS, PromiseError, fault
from tests.chaos.pipeline import Pipeline
from tests.chaos.proxy import Cut, Event, Rule, Step


def _cut(name: str, step: Step, cut: Cut) -> None:
    @fault(name)
    def strike(pipeline: Pipeline, random: Random) -> int:
        rule = Rule(step, cut, times=random.randint(1, 4))
        with armed(pipeline, rule):
            pipeline.wait_until(lambda: rule.fired == rule.times, WAIT_SECONDS)
        return rule.fired


_cut("reset before BEGIN", Step.BEGIN, Cut.BEFORE)
_cut("reset before the COPY", Step.COPY, Cut.BEFORE)
_cut("reset in the data", Step.DATA, Cut.HALF)
_cut("reset at the end of the data, not passed on", Step.DATA_END, Cut.BEFORE)
_cut("data written, the answer lost", Step.DATA_END, Cut.ANSWERED)
_cut("reset at COMMIT, not passed on", Step.COMMIT, Cut.BEFORE)
_cut("reset at COMMIT, passed on", Step.COMMIT, Cut.AFTER)
_cut("COMMIT answered, the answer lost", Step.COMMIT, Cut.ANSWERED)


def _silence(name: str, step: Step, cut: Cut) -> None:
    @fault(name)
    def strike(pipeline: Pipeline, random: Random) -> int:
        del random
        rule = Rule(step, cut, times=1)
        timeouts, given_up = pipeline.functions.timeouts, pipeline.proxy.count(Event.GIVEN_UP)
        # Such a session holds its locks until Postgres ends it. The usual minute is too long for a run.
        allowance = "ALTER ROLE ingest IN DATABASE logins SET idle_in_transaction_session_timeout = "
        ((usual,),) = pipeline.database.execute(
            "SELECT coalesce((SELECT split_part(setting, '=', 2) FROM pg_db_role_setting, unnest(setconfig) AS setting "
            "WHERE setrole = 'ingest'::regrole AND setting LIKE 'idle_in_transaction_session_timeout=%'), '0')"
        )
        if usual == "0":
            raise PromiseError("Postgres would keep the locks of a dead function")
        pipeline.database.execute(allowance + "'3s'")
        pipeline.proxy.reset()  # only new sessions get a role's setting
        try:
            with armed(pipeline, rule):
                pipeline.wait_until(lambda: pipeline.proxy.count(Event.GIVEN_UP) > given_up, 2 * WAIT_SECONDS)
        finally:
            pipeline.database.execute(f"{allowance}'{usual}'")
        if rule.fired and pipeline.proxy.count(Event.GIVEN_UP) == given_up:
            raise PromiseError("no function gave up the write that could not finish")
        for lock in pipeline.functions.locks:  # wait until all batches have ended
            with lock:
                pass
        if pipeline.functions.timeouts > timeouts:
            raise PromiseError("a function did not give up in time, and the runtime ended it")
        return rule.fired


_silence("half-open silence at the log-in", Step.STARTUP, Cut.SILENCE)
_silence("half-open silence before BEGIN", Step.BEGIN, Cut.SILENCE)
_silence("half-open silence in the data", Step.DATA, Cut.SILENCE)
_silence("half-open silence at COMMIT", Step.COMMIT, Cut.SILENCE)
_silence("the same, and Postgres keeps the session", Step.COMMIT, Cut.ORPHAN)


@fault("2 s latency")
def _latency(pipeline: Pipeline, random: Random) -> int:
    del random
    before = pipeline.proxy.count(Event.DELAYED)
    pipeline.proxy.latency = 2.0
    try:
        pipeline.wait_until(lambda: pipeline.proxy.count(Event.DELAYED) - before >= 5, WAIT_SECONDS)
    finally:
        pipeline.proxy.latency = 0.0
    return pipeline.proxy.count(Event.DELAYED) - before


@fault("one byte at a time")
def _one_byte(pipeline: Pipeline, random: Random) -> int:
    del random
    before = pipeline.proxy.count(Event.IN_BYTES)
    pipeline.proxy.one_byte = True
    try:
        pipeline.wait_until(lambda: pipeline.proxy.count(Event.IN_BYTES) - before > 40, WAIT_SECONDS)
    finally:
        pipeline.proxy.one_byte = False
    return pipeline.proxy.count(Event.IN_BYTES) - before


@fault("connections refused")
def _refused(pipeline: Pipeline, random: Random) -> int:
    pipeline.functions.mark_logs()
    pipeline.proxy.refuse()
    try:
        pipeline.wait_until(lambda: pipeline.functions.count_in_logs("Connection refused"), WAIT_SECONDS)
        time.sleep(random.uniform(0, 2))
    finally:
        pipeline.proxy.start()
    return pipeline.functions.count_in_logs("Connection refused")


@fault("connection dead, the function does not know")
def _forgotten(pipeline: Pipeline, random: Random) -> int:
    del random
    links: list[int] = []

    def forget() -> bool:
        links.append(pipeline.proxy.forget())
        return links[-1] > 0

    pipeline.wait_until(forget, WAIT_SECONDS)
    return sum(links)
