"""Every fault that the run knows. Each is injected while events flow, heals what it has broken, and counts itself."""

import contextlib
import datetime
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any

import psutil
import psycopg2

from local.queues import set_redrive
from ops.event_source import Delivery
from ops.sqs_event import failed_messages
from tests.chaos import tmpfs
from tests.chaos.aws_front import Trouble
from tests.chaos.pipeline import FUNCTIONS, MAX_RECEIVES, SALT, VISIBILITY_SECONDS, Pipeline
from tests.chaos.proxy import Cut, Event, Rule, Step

WAIT_SECONDS = 20  # for traffic to run into a fault
Strike = Callable[[Pipeline, Random], int]  # returns how often the fault was seen to happen


class PromiseError(Exception):
    """Something that no balance of rows would show."""


class ImpossibleError(Exception):
    """This machine cannot have this fault; says why."""


FAULTS: dict[str, Strike] = {}


def fault(name: str) -> Callable[[Strike], Strike]:
    """Registers a fault under the name that the table shows."""

    def register(strike: Strike) -> Strike:
        FAULTS[name] = strike
        return strike

    return register


# ---- between the function and Postgres -----------------------------------------------------------------------------


def _cut(name: str, step: Step, cut: Cut) -> None:
    @fault(name)
    def strike(pipeline: Pipeline, random: Random) -> int:
        rule = Rule(step, cut, times=random.randint(1, 4))
        with _armed(pipeline, rule):
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
        timeouts, given_up = pipeline.timeouts, pipeline.proxy.count(Event.GIVEN_UP)
        # Such a session holds its locks until Postgres ends it; a minute is too long for a run.
        allowance = "ALTER ROLE ingest IN DATABASE logins SET idle_in_transaction_session_timeout = "
        ((usual,),) = pipeline.execute(
            "SELECT coalesce((SELECT split_part(setting, '=', 2) FROM pg_db_role_setting, unnest(setconfig) AS setting "
            "WHERE setting LIKE 'idle_in_transaction_session_timeout=%'), '0')"
        )
        if usual == "0":
            raise PromiseError("Postgres would keep the locks of a function that is gone")
        pipeline.execute(allowance + "'3s'")
        pipeline.proxy.reset()  # a setting of a role is for new sessions
        try:
            with _armed(pipeline, rule):
                pipeline.wait_until(lambda: pipeline.proxy.count(Event.GIVEN_UP) > given_up, 2 * WAIT_SECONDS)
        finally:
            pipeline.execute(f"{allowance}'{usual}'")
        if rule.fired and pipeline.proxy.count(Event.GIVEN_UP) == given_up:
            raise PromiseError("no function gave up the write that could not finish")
        for lock in pipeline.locks:  # what was under way has to end before it can be judged
            with lock:
                pass
        if pipeline.timeouts > timeouts:
            raise PromiseError("a function was ended for taking too long: it did not give up in time")
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
    pipeline.mark_logs()
    pipeline.proxy.refuse()
    try:
        pipeline.wait_until(lambda: pipeline.count_in_logs("Connection refused"), WAIT_SECONDS)
        time.sleep(random.uniform(0, 2))
    finally:
        pipeline.proxy.start()
    return pipeline.count_in_logs("Connection refused")


@fault("connection dead, the function does not know")
def _forgotten(pipeline: Pipeline, random: Random) -> int:
    del random
    links: list[int] = []

    def forget() -> bool:
        links.append(pipeline.proxy.forget())
        return links[-1] > 0

    pipeline.wait_until(forget, WAIT_SECONDS)
    return sum(links)


# ---- Postgres itself -------------------------------------------------------------------------------------------------


def _outage(pipeline: Pipeline, random: Random, end: Callable[[], None]) -> int:
    """Ends Postgres in the middle of a write, and starts it again after a while."""
    done = threading.Event()

    def strike() -> None:
        end()
        done.set()

    rule = Rule(random.choice((Step.BEGIN, Step.DATA, Step.DATA_END, Step.COMMIT)), Cut.AFTER, call=strike)
    try:
        with _armed(pipeline, rule):
            pipeline.wait_until(done.is_set, WAIT_SECONDS)
            time.sleep(random.uniform(0, 2))
    finally:
        pipeline.postgres.start()
    return int(done.is_set())


@fault("Postgres killed and recovered")
def _killed(pipeline: Pipeline, random: Random) -> int:
    log = pipeline.postgres.log_path
    before = log.read_text(errors="replace").count("not properly shut down")
    _outage(pipeline, random, pipeline.postgres.kill)
    return log.read_text(errors="replace").count("not properly shut down") - before


@fault("Postgres restarted")
def _restarted(pipeline: Pipeline, random: Random) -> int:
    return _outage(pipeline, random, lambda: pipeline.postgres.stop("fast"))


@fault("sessions ended by the administrator")
def _terminated(pipeline: Pipeline, random: Random) -> int:
    del random
    ended: list[Any] = []

    def end() -> bool:
        ended.extend(
            pipeline.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingest' AND state <> 'idle'"
            )
        )
        return bool(ended)

    pipeline.wait_until(end, WAIT_SECONDS)
    return len(ended)


@fault("out of connections")
def _crowded(pipeline: Pipeline, random: Random) -> int:
    pipeline.mark_logs()
    with ExitStack() as crowd:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline and not _count_crowded(pipeline):
            try:
                crowd.enter_context(pipeline.connect(user="ingest"))
            except psycopg2.OperationalError:
                pipeline.proxy.reset()
                time.sleep(0.2)
        time.sleep(random.uniform(0, 1))
    return _count_crowded(pipeline)


def _count_crowded(pipeline: Pipeline) -> int:
    return pipeline.count_in_logs("too many clients") + pipeline.count_in_logs("remaining connection slots")


@fault("disk full")
def _disk_full(pipeline: Pipeline, random: Random) -> int:
    del random
    month, partition, directory = pipeline.new_month(), "on_small_disk", pipeline.directory / "small"
    with ExitStack() as heal:
        try:
            heal.enter_context(tmpfs.mounted(directory, "16m", pipeline.postgres.data.stat().st_uid))
        except tmpfs.MountError as error:
            raise ImpossibleError(str(error)) from None
        pipeline.execute(
            f"CREATE TABLESPACE small LOCATION '{directory / 'space'}'",
        )
        pipeline.execute(f"CREATE TABLE {partition} PARTITION OF user_logins {_bounds(month)} TABLESPACE small")
        heal.callback(
            pipeline.execute,
            f"ALTER TABLE {partition} SET TABLESPACE pg_default",
            f"ALTER TABLE {partition} RENAME TO {_partition(month)}",
            "DROP TABLESPACE small",
        )
        filler = directory / "filler"
        heal.callback(filler.unlink, missing_ok=True)
        tmpfs.fill(filler)
        pipeline.mark_logs()
        _send_of_month(pipeline, month, 300)
        pipeline.wait_until(lambda: pipeline.count_in_logs("SQLSTATE 53100"), WAIT_SECONDS)
        filler.unlink()
        with pipeline.quiet():
            return pipeline.count_in_logs("SQLSTATE 53100")


@fault("standby promoted, the old primary read-only")
def _failover(pipeline: Pipeline, random: Random) -> int:
    old, standby = pipeline.postgres, pipeline.start_standby()
    pipeline.mark_logs()
    pipeline.execute("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    pipeline.wait_until(lambda: _count_read_only(pipeline), WAIT_SECONDS)
    time.sleep(random.uniform(0, 1))
    _wait_for_writers(pipeline)
    pipeline.postgres = standby
    pipeline.execute("SELECT pg_promote()")
    pipeline.proxy.upstream = standby.port  # connections that exist stay with the old primary
    time.sleep(1)
    old.stop("immediate")
    return _count_read_only(pipeline)


def _count_read_only(pipeline: Pipeline) -> int:
    return pipeline.count_in_logs("SQLSTATE 25006")


def _wait_for_writers(pipeline: Pipeline) -> None:
    """A primary that was fenced off has no transaction under way."""
    writers = "SELECT 1 FROM pg_stat_activity WHERE usename = 'ingest' AND backend_xid IS NOT NULL"
    if not pipeline.wait_until(lambda: not pipeline.execute(writers), WAIT_SECONDS):
        raise PromiseError("a write goes on without end")


@fault("password changed under a live pool")
def _password(pipeline: Pipeline, random: Random) -> int:
    del random
    pipeline.mark_logs()
    pipeline.set_password("another")
    try:
        pipeline.proxy.reset()
        pipeline.wait_until(lambda: pipeline.count_in_logs("authentication failed"), WAIT_SECONDS)
    finally:
        pipeline.set_password(pipeline.password)
    return pipeline.count_in_logs("authentication failed")


WAITING = "SELECT pid FROM pg_stat_activity WHERE usename = 'ingest' AND wait_event_type = 'Lock'"


@fault("lock wait")
def _lock(pipeline: Pipeline, random: Random) -> int:
    waiting = 0
    with pipeline.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {random.choice(('user_logins', 'rejected_logins'))} IN ACCESS EXCLUSIVE MODE")
        pipeline.wait_until(lambda: pipeline.execute(WAITING), WAIT_SECONDS)
        waiting = len(pipeline.execute(WAITING))
        time.sleep(random.choice((0.5, 6)))  # within lock_timeout, or beyond
    return waiting


@fault("deadlock with a second writer")
def _deadlock(pipeline: Pipeline, random: Random) -> int:
    pipeline.mark_logs()
    first, last = (f"{digit * 8}-0000-4000-8000-{random.getrandbits(48):012x}" for digit in "0f")
    events = [_named(pipeline, name) for name in (first, last)]
    records = pipeline.make_records(events)
    delivery = threading.Thread(target=pipeline.deliver, args=(random.randrange(3), records))
    with pipeline.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("SET deadlock_timeout = '1min'")  # so that Postgres always ends the function's side
        _insert_rival(cursor, events[1])
        delivery.start()
        holds = "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE usename = 'ingest' AND NOT granted"
        pipeline.wait_until(lambda: pipeline.execute(holds), WAIT_SECONDS)
        with contextlib.suppress(psycopg2.Error):
            _insert_rival(cursor, events[0])
        pipeline.wait_until(lambda: pipeline.count_in_logs("SQLSTATE 40P01"), WAIT_SECONDS)
        connection.rollback()
    delivery.join()
    return pipeline.count_in_logs("SQLSTATE 40P01")


def _insert_rival(cursor: Any, event: tuple[str, dict[str, str]]) -> None:
    cursor.execute(
        "INSERT INTO user_logins (event_id, create_date, app_version, salt_version, user_id, device_type, masked_ip, "
        "masked_device_id, app_version_name) VALUES (%s, %s, 1, 1, 'rival', 'rival', 'rival', 'rival', '1')",
        (event[1]["event_id"], datetime.datetime.fromtimestamp(int(event[1]["sent_timestamp"]) / 1000, datetime.UTC)),
    )


@fault("two functions write the same events")
def _twins(pipeline: Pipeline, random: Random) -> int:
    # With a bad event the write is a transaction of several statements, and waits at its COMMIT with all rows locked.
    events = [pipeline.make_event() for _ in range(random.choice((1, 20, 200)))]
    records = pipeline.make_records([*events, ("{", {}), _named(pipeline, None)])
    hold = threading.Event()
    rule = Rule(Step.COMMIT, Cut.NOTHING, call=lambda: hold.wait(WAIT_SECONDS))
    twins = [threading.Thread(target=pipeline.deliver, args=(index, records)) for index in (0, 2)]
    seen = 0
    with pipeline.quiet(), _armed(pipeline, rule):  # nobody else may run into the rule
        twins[0].start()
        pipeline.wait_until(lambda: rule.fired, WAIT_SECONDS)
        twins[1].start()
        pipeline.wait_until(lambda: pipeline.execute(WAITING), 3)
        seen = len(pipeline.execute(WAITING))
        hold.set()
    for twin in twins:
        twin.join()
    return seen


@fault("partition dropped")
def _dropped(pipeline: Pipeline, random: Random) -> int:
    del random
    month = pipeline.new_month()
    pipeline.execute(f"SELECT create_login_partitions('{month}', 1)")
    with pipeline.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {_partition(month)}")
        _send_of_month(pipeline, month, 30)
        pipeline.wait_until(lambda: pipeline.execute(WAITING), WAIT_SECONDS)
        connection.commit()
    in_default = f"SELECT count(*) FROM user_logins_default WHERE date_trunc('month', create_date) = '{month}'"
    pipeline.wait_until(lambda: pipeline.execute(in_default) != [(0,)], WAIT_SECONDS)
    ((count,),) = pipeline.execute(in_default)
    return int(count)


@fault("partition missing")
def _missing(pipeline: Pipeline, random: Random) -> int:
    del random
    month = pipeline.new_month()
    pipeline.mark_logs()
    pipeline.execute("ALTER TABLE user_logins DETACH PARTITION user_logins_default")
    try:
        _send_of_month(pipeline, month, 30)
        pipeline.wait_until(lambda: pipeline.count_in_logs("has no partition"), WAIT_SECONDS)
    finally:
        pipeline.execute("ALTER TABLE user_logins ATTACH PARTITION user_logins_default DEFAULT")
    return pipeline.count_in_logs("has no partition")


@fault("month's end")
def _months_end(pipeline: Pipeline, random: Random) -> int:
    moments = [datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC)]  # a leap day
    today = datetime.datetime.now(datetime.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    moments += [today, (today + datetime.timedelta(days=40)).replace(day=1)]
    events = []
    for moment in moments:
        for milliseconds in (-1, 0, 1, random.randint(-(14 * 3_600_000), 14 * 3_600_000)):
            body, attributes = pipeline.make_event()
            sent = str(int(moment.timestamp() * 1000) + milliseconds)
            events.append((body, {"event_id": str(uuid.uuid4()), **attributes, "sent_timestamp": sent}))
    pipeline.send(events)
    return len(events)


# ---- the runtime -----------------------------------------------------------------------------------------------------


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
        with _armed(pipeline, rule):
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
        with _armed(pipeline, rule):
            pipeline.wait_until(lambda: pipeline.timeouts > before, WAIT_SECONDS)
    finally:
        _resume(stopped)
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
        [(_padded(pipeline, 250_000)[0], {**name, "event_id": str(uuid.uuid4())}) for _ in range(20)]
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
        _resume(frozen)
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


# ---- AWS's side ------------------------------------------------------------------------------------------------------


def _trouble(name: str, **how: Any) -> None:
    @fault(name)
    def strike(pipeline: Pipeline, random: Random) -> int:
        trouble = Trouble(**how)
        pipeline.front.trouble = trouble
        if trouble.action == "GetParameter" and random.random() < 0.5:
            pipeline.kill_runtimes()  # a cold start has no old salt to go on with
        try:
            pipeline.wait_until(lambda: trouble.met > 2, WAIT_SECONDS)
        finally:
            pipeline.front.trouble = None
        return trouble.met


_trouble("SSM throttles", action="GetParameter", status=400, code="ThrottlingException")
_trouble("SSM denies", action="GetParameter", status=400, code="AccessDeniedException")
_trouble("SSM fails", action="GetParameter", status=500, code="InternalServerError")
_trouble("SSM is slow", action="GetParameter", delay=4.0)
_trouble("SQS throttles the quarantine", action="SendMessageBatch", status=400, code="ThrottlingException")
_trouble("SQS denies the quarantine", action="SendMessageBatch", status=403, code="AccessDenied")
_trouble("SQS is slow to quarantine", action="SendMessageBatch", delay=4.0)
_trouble("quarantined, the answer lost", action="SendMessageBatch", lost=True)


@fault("salt gone")
def _salt_gone(pipeline: Pipeline, random: Random) -> int:
    pipeline.mark_logs()
    pipeline.aws.ssm.delete_parameter(Name=SALT)
    try:
        if random.random() < 0.5:
            pipeline.kill_runtimes()
        pipeline.wait_until(lambda: pipeline.count_in_logs("ParameterNotFound"), WAIT_SECONDS)
    finally:
        pipeline.restore_salts()
    return pipeline.count_in_logs("ParameterNotFound")


@fault("salt broken")
def _salt_broken(pipeline: Pipeline, random: Random) -> int:
    pipeline.mark_logs()
    pipeline.put_salt(random.choice(("not base64!", "dG9vIHNob3J0")))
    try:
        if random.random() < 0.5:
            pipeline.kill_runtimes()
        pipeline.wait_until(lambda: pipeline.count_in_logs("is not the base64 of"), WAIT_SECONDS)
    finally:
        pipeline.put_salt()
    return pipeline.count_in_logs("is not the base64 of")


@fault("salt rotated in the middle")
def _salt_rotated(pipeline: Pipeline, random: Random) -> int:
    del random
    pipeline.put_salt()
    newest = f"SELECT count(*) FROM user_logins WHERE salt_version = {max(pipeline.ledger.salts)}"
    pipeline.wait_until(lambda: pipeline.execute(newest) != [(0,)], WAIT_SECONDS)
    ((count,),) = pipeline.execute(newest)
    return int(count)


@fault("delivered 1 to 5 times, in any order")
def _shuffled(pipeline: Pipeline, random: Random) -> int:
    records = pipeline.make_records([pipeline.make_event() for _ in range(random.choice((10, 100)))])
    copies = [record for record in records for _ in range(random.randint(1, 5))]
    random.shuffle(copies)
    threads = [threading.Thread(target=pipeline.deliver, args=(index, copies[index::3])) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(copies) - len(records)


@fault("visible again at once")
def _visible(pipeline: Pipeline, random: Random) -> int:
    del random
    seconds = {"url": pipeline.queue.url, "name": "VisibilityTimeout"}
    before = pipeline.ledger.repeated()
    pipeline.aws.sqs.set_queue_attributes(QueueUrl=seconds["url"], Attributes={"VisibilityTimeout": "0"})
    try:
        pipeline.wait_until(lambda: pipeline.ledger.repeated() - before > 20, WAIT_SECONDS)
    finally:
        pipeline.aws.sqs.set_queue_attributes(
            QueueUrl=seconds["url"], Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
        )
    return pipeline.ledger.repeated() - before


@fault("moved to the DLQ in an outage, moved back by SQS")
def _redriven(pipeline: Pipeline, random: Random) -> int:
    with pipeline.quiet():
        pipeline.letters += pipeline.take_dead_letters()  # not ours
        set_redrive(pipeline.aws.sqs, pipeline.queue, max_receives=1)
        pipeline.proxy.refuse()
        try:
            names = [random.choice((None, str(uuid.uuid4()))) for _ in range(random.randint(10, 50))]
            pipeline.send([_named(pipeline, name) for name in names])
            if not pipeline.wait_until_drained():
                raise PromiseError("messages did not go to the dead-letter queue")
        finally:
            set_redrive(pipeline.aws.sqs, pipeline.queue, max_receives=MAX_RECEIVES)
            pipeline.proxy.start()
        letters = pipeline.take_dead_letters()
        # What StartMessageMoveTask does: a new message, with new messageId and SentTimestamp, and the old attributes.
        for letter in letters:
            texts = {name: value["StringValue"] for name, value in letter.get("MessageAttributes", {}).items()}
            if "reason" in texts:
                raise PromiseError("an outage became a reject")
            pipeline.ledger.forget(letter["MessageId"])
            pipeline.send([(letter["Body"], texts)])
        return len(letters)


@fault("FIFO queue, writes failing in the middle")
def _fifo(pipeline: Pipeline, random: Random) -> int:
    settled: list[str] = []
    sqs, stopping = pipeline.aws.sqs, threading.Event()
    url = sqs.create_queue(
        QueueName=f"{uuid.uuid4()}.fifo",
        Attributes={"FifoQueue": "true", "VisibilityTimeout": "1", "ContentBasedDeduplication": "true"},
    )["QueueUrl"]
    sent: dict[str, list[str]] = {"one": [], "two": [], "three": []}
    with pipeline.quiet():  # nobody else may run into the rule
        for _ in range(random.randint(20, 40)):
            group = random.choice(list(sent))
            body, _attributes = _named(pipeline, None)
            message_id = sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)["MessageId"]
            pipeline.ledger.record_sent(pipeline.fault, message_id, body, {})
            sent[group].append(message_id)
        rule = Rule(Step.DATA, Cut.BEFORE, times=2 * random.randint(1, 3))  # both tries of some writes

        def note(delivery: Delivery) -> None:
            settled.extend(message_id for message_id in delivery.delivered if message_id in delivery.deleted)

        source = pipeline.event_source(url, random.randrange(3), on_delivery=note)
        poller = threading.Thread(target=source.run, args=(stopping,))
        with _armed(pipeline, rule):
            poller.start()
            pipeline.wait_until(lambda: len(settled) >= sum(map(len, sent.values())), 2 * WAIT_SECONDS)
        stopping.set()
        poller.join()
    sqs.delete_queue(QueueUrl=url)
    for group, message_ids in sent.items():
        if [message_id for message_id in settled if message_id in message_ids] != message_ids:
            raise PromiseError(f"the order of a FIFO queue was not kept in group {group}")
    return rule.fired


@fault("messages of 1 MiB")
def _large(pipeline: Pipeline, random: Random) -> int:
    # Past the queue: MiniStack's takes 256 KiB, AWS's 1 MiB.
    events = [
        _named(pipeline, None),
        _padded(pipeline, 2**20),
        _padded(pipeline, 2**20, ip="nowhere"),
        _named(pipeline, None),
    ]
    random.shuffle(events)
    records = pipeline.make_records(events)
    pipeline.ledger.record_delivered(records)
    response = pipeline.invoke(random.randrange(3), {"Records": records})
    bad = next(record["messageId"] for record in records if "nowhere" in record["body"])
    if failed_messages(response, [record["messageId"] for record in records]) != {bad}:
        raise PromiseError("a message that is too large to be given attributes has to be left to the redrive policy")
    pipeline.ledger.forget(bad)
    return 2


def _padded(pipeline: Pipeline, size: int, **spoil: str) -> tuple[str, dict[str, str]]:
    fields = {**json.loads(_named(pipeline, None)[0]), **spoil, "padding": ""}
    fields["padding"] = "x" * (size - len(json.dumps(fields)))
    return json.dumps(fields), {}


@fault("batch of 10,000")
def _batch(pipeline: Pipeline, random: Random) -> int:
    del random
    records = pipeline.make_records([pipeline.make_event() for _ in range(10_000)])
    pipeline.deliver(2, records)
    return 1


@contextmanager
def _armed(pipeline: Pipeline, rule: Rule) -> Iterator[None]:
    pipeline.proxy.arm(rule)
    try:
        yield
    finally:
        pipeline.proxy.arm(None)
        pipeline.proxy.end_silence()


def _resume(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.resume()


def _named(pipeline: Pipeline, name: str | None) -> tuple[str, dict[str, str]]:
    """A good event, with an id of the producer's own or without."""
    while True:
        body, _ = pipeline.make_event()
        if pipeline.ledger.is_good(body):
            break
    return body, {"event_id": name, "sent_timestamp": str(int(time.time() * 1000))} if name else {}


def _send_of_month(pipeline: Pipeline, month: str, count: int) -> None:
    sent = str(int(datetime.datetime.fromisoformat(f"{month}T12:00:00+00:00").timestamp() * 1000))
    names = [str(uuid.uuid4()) for _ in range(count)]
    pipeline.send([(_named(pipeline, name)[0], {"event_id": name, "sent_timestamp": sent}) for name in names])


def _partition(month: str) -> str:
    return f"user_logins_{month[:7].replace('-', '_')}"


def _bounds(month: str) -> str:
    return f"FOR VALUES FROM ('{month}') TO ('{month}'::date + interval '1 month')"
