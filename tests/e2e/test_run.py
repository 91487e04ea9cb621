"""`loginpipe run`, `up` and `down`, and what becomes of a run in which Postgres dies."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
import psycopg2
import pytest
from psycopg2 import extensions

from local.bodies import SPOILERS, generate_bodies
from local.database import dsn
from local.outcome import Outcome
from local.postgres import PostgresServer
from local.run import Run
from local.stack import Stack, StackSettings
from ops.event_source import Delivery
from ops.queues import Queue
from tests.e2e.conftest import query, wait_until
from tests.support import sample_body

ROOT = Path(__file__).parents[2]
PATIENCE = 90  # seconds


def run_local(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`loginpipe`, with its data and logs in that directory."""
    words = command(directory, *arguments)
    return subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)


def command(directory: Path, *arguments: str) -> list[str]:
    """The words of that command line."""
    return [str(Path(sys.executable).with_name("loginpipe")), "--directory", str(directory), *arguments]


def processes_of(directory: Path) -> list[str]:
    """Command lines of the servers that have to do with the directory."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            if str(directory) in words or process.environ().get("TMPDIR", "").startswith(str(directory)):
                found.append(words)
        except psutil.Error:
            continue
    return found


@contextmanager
def nothing_left_running(directory: Path) -> Iterator[None]:
    """Fails where a server of the directory outlives the block."""
    yield
    assert processes_of(directory) == []


def execute(directory: Path, bodies: list[str], pack: int = 1) -> Outcome:
    """A run from start to end."""
    return Run(StackSettings(directory, visibility_seconds=1), lambda *_: None, print).execute(bodies, pack)


@pytest.mark.parametrize(("pack", "messages"), [(1, 250), (50, 10)])
def test_run_gives_each_event_its_place(tmp_path: Path, pack: int, messages: int) -> None:
    bodies = [body.text for body in generate_bodies(250, seed=3, bad=9)]
    with nothing_left_running(tmp_path):
        outcome = execute(tmp_path / "run", bodies, pack)
    assert outcome.is_complete
    assert 1 < outcome.messages <= messages
    # On a busy machine SQS delivers a message again before its row is written: a duplicate, and still one row.
    assert (outcome.sent, outcome.written, outcome.refused) == (250, 241, 0)
    assert outcome.rejects == dict.fromkeys(SPOILERS, 1)
    assert outcome.dead_letters == 9
    assert len(outcome.rows) == 5
    assert outcome.shared_devices


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_postgres_that_dies_and_comes_back_costs_no_row(tmp_path: Path, way: str) -> None:
    deliveries: list[Delivery] = []
    outage = threading.Event()

    def note(delivery: Delivery) -> None:
        deliveries.append(delivery)
        if len(deliveries) == 3:
            getattr(stack.postgres, way)()
            outage.set()

    settings = StackSettings(tmp_path / "run", visibility_seconds=1, batch_size=50)
    bodies = generate_bodies(600, seed=4, bad=9)
    with Stack(settings, note) as stack:
        sent = Queue(stack.aws.sqs, stack.queue.url).send([{"MessageBody": body.text} for body in bodies])
        ids = list(sent.message_ids.values())
        good = {message_id for message_id, body in zip(ids, bodies, strict=True) if body.reason is None}
        assert outage.wait(20)
        wait_until(lambda: any(len(delivery.failed) == len(delivery.delivered) for delivery in deliveries))
        somebody = PostgresServer(settings.directory / "postgres", port=stack.postgres.port).start()
        wait_until(lambda: {message_id for delivery in deliveries for message_id in delivery.deleted} >= good)
        rows = Counter(message_id for (message_id,) in query(stack, "SELECT event_id::text FROM user_logins"))
    somebody.stop()
    assert rows == Counter(good)


def test_postgres_that_nobody_starts_again_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.stack.RESTART_SECONDS", 0.5)
    killed = threading.Event()
    notices: list[str] = []
    settings = StackSettings(tmp_path / "run", visibility_seconds=1, batch_size=50)

    def kill_once(sent: int, settled: int) -> None:
        server = PostgresServer(settings.directory / "postgres")
        if sent and not killed.is_set():
            killed.set()
            server.kill()

    outcome = Run(settings, kill_once, notices.append).execute([body.text for body in generate_bodies(300, seed=5)])
    assert (outcome.written, outcome.is_complete) == (300, True)
    assert "Postgres was started again" in notices


@pytest.mark.parametrize("option", ["--emulator", "--in-process"])
def test_command_line_runs_a_file(tmp_path: Path, option: str) -> None:
    bodies = generate_bodies(30, seed=6, bad=1)
    events = tmp_path / "events.jsonl"
    events.write_text("\n".join(body.text for body in bodies), encoding="utf-8")
    with nothing_left_running(tmp_path):
        finished = run_local(tmp_path, "run", str(events), option)
    assert finished.returncode == 0, finished.stderr
    numbers = [line.split() for line in finished.stdout.splitlines()]
    assert ["sent", "30"] in numbers
    assert ["written", "29"] in numbers
    assert ["invalid_json", "1"] in numbers
    if option == "--emulator":
        with nothing_left_running(tmp_path):
            looked = run_local(tmp_path, "psql", "--sql", "SELECT count(*) AS rows FROM user_logins")
        assert "29" in looked.stdout.split()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), ("[]", "holds no events"), ("[\n1,\n]", "begins as a JSON array")],
)
def test_command_line_refuses_a_file(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "events.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    finished = run_local(tmp_path, "run", str(path))
    assert finished.returncode == 2
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    with nothing_left_running(tmp_path):
        process = subprocess.Popen(
            command(tmp_path, "run", "--count", "20000"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_until(lambda: (tmp_path / "run" / "function.log").exists() or process.poll() is not None)
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert errors == b"loginpipe: Interrupted; nothing is left running.\n"


def test_run_in_the_place_of_a_killed_one_starts_afresh(tmp_path: Path) -> None:
    with nothing_left_running(tmp_path):
        process = subprocess.Popen(
            command(tmp_path, "run", "--count", "20000"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until((tmp_path / "run" / "function.log").exists)
        process.kill()
        process.wait()
        assert processes_of(tmp_path)
        outcome = execute(tmp_path / "run", [body.text for body in generate_bodies(20)])
    assert (outcome.sent, outcome.written, outcome.is_complete) == (20, 20, True)


def test_up_takes_messages_until_down(tmp_path: Path) -> None:
    with nothing_left_running(tmp_path):
        try:
            shown = run_local(tmp_path, "up", "--envelope", "sns")
            assert shown.returncode == 0
            servers = sorted(processes_of(tmp_path))
            assert run_local(tmp_path, "up").returncode == 0
            refused = run_local(tmp_path, "up", "--envelope", "cloudevents")
            assert (refused.returncode, "without --envelope cloudevents" in refused.stderr) == (2, True)
            assert sorted(processes_of(tmp_path)) == servers, "a second `up` has started something"
            description = json.loads((tmp_path / "up" / "stack.json").read_text())
            send_body(description, sample_body(shown.stdout))
            with closing(psycopg2.connect(dsn(description["logins"]["analyst"]))) as connection:
                connection.autocommit = True
                wait_until(lambda: count_rows(connection) == 1)
            shown = run_local(tmp_path, "status")
            assert ["rows", "of", "user_logins", "1"] in [line.split() for line in shown.stdout.splitlines()]
        finally:
            finished = run_local(tmp_path, "down")
        assert finished.stdout == "The stack is down.\n"
    assert run_local(tmp_path, "down").stdout == "The stack was not up.\n"
    assert run_local(tmp_path, "status").returncode == 1


def test_killed_stack_is_cleared_up_by_down(tmp_path: Path) -> None:
    with nothing_left_running(tmp_path):
        assert run_local(tmp_path, "up").returncode == 0
        os.kill(json.loads((tmp_path / "up.pid").read_text())["pid"], signal.SIGKILL)
        assert processes_of(tmp_path)
        assert run_local(tmp_path, "down").returncode == 0


def send_body(description: dict[str, Any], body: str) -> None:
    """Sends a message as any other program would."""
    aws = description["aws"]
    client = boto3.client(
        "sqs",
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name=aws["AWS_REGION"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
    )
    client.send_message(QueueUrl=description["queue"], MessageBody=body)
    client.close()


def count_rows(connection: extensions.connection) -> int:
    """How many rows the analyst sees."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM user_logins")
        return int(cursor.fetchall()[0][0])
