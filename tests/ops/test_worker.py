"""`worker`: every message one row, whatever is killed, and only what is committed is deleted."""

import json
import random
import signal
import threading
import time
from pathlib import Path

import pytest

import ops.worker
from ops.queues import Queue
from ops.worker import Tally, work
from tests.function import Function, function_environment
from tests.ops.command_line import CommandLine
from tests.ops.queues import Queues
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_body


@pytest.fixture
def worker(loginpipe: CommandLine, queues: Queues, database: Scratch, salt: SaltParameter) -> CommandLine:
    """The command line with the function's own environment: role ingest."""
    return CommandLine(
        function_environment(database, salt) | {"QUEUE_URL": queues.url}, loginpipe.capture, loginpipe.monkeypatch
    )


def put(queues: Queues, count: int) -> list[tuple[str]]:
    for number in range(count):
        queues.put(json.dumps(make_body(user_id=f"user {number}")))
    return sorted((f"user {number}",) for number in range(count))


def test_once(worker: CommandLine, queues: Queues, database: Scratch, tmp_path: Path) -> None:
    expected = put(queues, 25)
    health = tmp_path / "health"
    process = worker.start("worker", "--once", "--poll", "1", "--health-file", str(health))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, database.rows(), queues.count()) == (0, expected, 0)
    assert "Done with 25 messages" in err
    assert any(json.loads(line).get("RecordsWritten") == [25] for line in out.splitlines())
    assert health.exists()


def test_dead_letter_queue_that_is_the_queue(worker: CommandLine, queues: Queues) -> None:
    put(queues, 1)
    process = worker.start("worker", "--once", "--poll", "1", DLQ_URL=queues.url)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "DLQ_URL is the queue" in err, queues.count()) == (2, True, 1)


def test_once_leaves_failures(worker: CommandLine, queues: Queues, database: Scratch) -> None:
    put(queues, 3)
    queues.put("no json")
    process = worker.start("worker", "--once", "--poll", "1")
    process.communicate(timeout=60)
    assert (process.returncode, database.count(), queues.count()) == (3, 3, 1)


def test_database_away_deletes_nothing(worker: CommandLine, queues: Queues, tmp_path: Path) -> None:
    put(queues, 5)
    health = tmp_path / "health"
    process = worker.start("worker", "--once", "--poll", "1", "--health-file", str(health), PGPORT="1")
    process.communicate(timeout=60)
    assert (process.returncode, queues.count()) == (3, 5)
    assert not health.exists()


def test_wrong_settings_end_it(worker: CommandLine, queues: Queues) -> None:
    put(queues, 1)
    process = worker.start("worker", PGSSLMODE="perhaps", SALT_PARAMETER="")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "SALT_PARAMETER is missing" in err
    assert "PGSSLMODE must be one of" in err
    assert queues.visible() == 1


def test_health_file_that_cannot_be_written_ends_it(worker: CommandLine, queues: Queues, tmp_path: Path) -> None:
    put(queues, 1)
    process = worker.start("worker", "--health-file", str(tmp_path / "none" / "health"))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "health cannot be written: No such file or directory" in err
    assert err.count("\n") == 1
    assert queues.visible() == 1


def test_window_too_short(worker: CommandLine) -> None:
    process = worker.start("worker", "--batch-size", "100", "--window", "0")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "needs window_seconds of at least 1" in err) == (2, True)


def set_visibility(queues: Queues, seconds: int) -> None:
    queues.aws.sqs.set_queue_attributes(QueueUrl=queues.url, Attributes={"VisibilityTimeout": str(seconds)})


@pytest.mark.parametrize(
    ("visibility", "window", "smallest"), [(0, "1", 6), (3, "1", 6), (5, "1", 6), (4, "0", 5), (20, "15.5", 21)]
)
def test_refuses_a_queue_that_leaves_no_time(
    worker: CommandLine, queues: Queues, visibility: int, window: str, smallest: int
) -> None:
    put(queues, 1)
    set_visibility(queues, visibility)
    process = worker.start("worker", "--once", "--batch-size", "10", "--poll", "1", "--window", window)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"VisibilityTimeout to {smallest} or more" in " ".join(err.split())
    assert queues.visible() == 1  # not received once


def test_smallest_visibility_timeout_works(worker: CommandLine, queues: Queues, database: Scratch) -> None:
    set_visibility(queues, 6)
    expected = put(queues, 25)
    process = worker.start("worker", "--once", "--poll", "1", "--window", "1")
    process.communicate(timeout=60)
    assert (process.returncode, database.rows(), queues.count()) == (0, expected, 0)


def test_batch_has_what_its_window_leaves_of_the_visibility_timeout(
    function: Function, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_visibility(queues, 60)
    put(queues, 1)
    left: list[int] = []
    monkeypatch.setattr(
        ops.worker, "lambda_handler", lambda _, context: left.append(context.get_remaining_time_in_millis())
    )
    work(
        queues.aws.sqs,
        Queue(queues.aws.sqs, queues.url),
        Tally(None, lambda _: None),
        threading.Event(),
        batch_size=1,
        window_seconds=30,
        poll_seconds=1,
        until_empty=True,
    )
    (milliseconds,) = left
    assert milliseconds <= 30_000
    assert queues.count() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop(worker: CommandLine, queues: Queues, database: Scratch, number: signal.Signals) -> None:
    expected = put(queues, 40)
    process = worker.start("worker", "--poll", "1", "--batch-size", "10")
    deadline = time.monotonic() + 30
    while database.count() == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 0
    written = database.count()
    assert written % 10 == 0
    assert queues.count() == 40 - written, "what is committed is deleted, and nothing else"
    process = worker.start("worker", "--once", "--poll", "1")
    process.communicate(timeout=60)
    assert (database.rows(), queues.count()) == (expected, 0)


def test_killed_side_by_side(worker: CommandLine, queues: Queues, database: Scratch) -> None:
    """Two workers, one of them killed again and again: each message is one row, none is left."""
    queues.allow(receives=1000)
    set_visibility(queues, 6)
    expected = put(queues, 300)
    chance = random.Random(11)  # noqa: S311  moments to kill at
    steady = worker.start("worker", "--poll", "1", "--batch-size", "3", "--window", "0")
    reader = threading.Thread(target=steady.communicate)  # its log is longer than a pipe
    reader.start()
    killed = 0
    for _ in range(5):
        process = worker.start("worker", "--poll", "1", "--batch-size", "10")
        time.sleep(chance.uniform(0.8, 1.8))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 120
    while queues.count() and time.monotonic() < deadline:
        time.sleep(0.1)
    steady.terminate()
    reader.join(30)
    assert killed == 5
    assert (database.rows(), queues.count()) == (expected, 0)
