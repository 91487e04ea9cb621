"""`top` against real parts: queues, Postgres, the function, and CloudWatch, Lambda and logs of the emulator."""

import io
import json
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.ministack import start_ministack
from ops.live.cloudwatch import NAMESPACE, CloudWatchMetrics
from ops.target import Target
from tests.function import Function
from tests.ops.command_line import CommandLine
from tests.ops.queues import Queues
from tests.support import make_body


def test_figures_before_and_after_messages_arrive(loginpipe: CommandLine, queues: Queues, function: Function) -> None:
    before = loginpipe("top", "--once", "--json").data
    assert before["queue"] == {"waiting": 0, "in_flight": 0, "dead_letters": 0}
    assert (before["database"]["rows"], before["database"]["rejects"], before["metrics"]) == (0, [], None)
    assert before["troubles"] == {}
    for body in (make_body(user_id="a"), make_body(user_id="b"), make_body(ip="bad")):
        queues.put(json.dumps(body))
    queues.put("a letter", dead=True)
    assert loginpipe("top", "--once", "--json").data["queue"] == {"waiting": 3, "in_flight": 0, "dead_letters": 1}
    queues.deliver(function)
    after = loginpipe("top", "--once", "--json", "--interval", "0.5").data
    assert (after["database"]["rows"], after["rates"]["rows"]) == (2, 0.2)
    assert after["database"]["rejects"] == [{"reason": "invalid_ip", "events": 1}]
    assert after["queue"]["in_flight"] == 1  # the bad one
    assert after["database"]["bytes"] > 1_000_000
    assert 1 <= after["database"]["connections"] < after["database"]["most_connections"]
    text = loginpipe("top", "--once", COLUMNS="60", NO_COLOR="1")
    assert (text.code, "invalid_ip" in text.out, "\x1b" in text.out) == (0, True, False)
    assert max(map(len, text.out.splitlines())) <= 60


def test_part_that_does_not_answer_is_named_beside_the_others(loginpipe: CommandLine, queues: Queues) -> None:
    queues.put("x")
    finished = loginpipe("top", "--once", "--json", PGPORT="9")
    assert (finished.code, finished.data["queue"]["waiting"], finished.data["database"]) == (3, 1, None)
    assert list(finished.data["troubles"]) == ["database"]
    finished = loginpipe("top", "--once", PGPORT="9")
    assert (finished.code, "No answer (database)" in finished.out) == (3, True)


def test_figures_of_nothing_are_an_error(loginpipe: CommandLine) -> None:
    finished = loginpipe("top", "--once", PGPORT="9", QUEUE_URL="http://127.0.0.1:9/0/none")
    assert (finished.code, finished.out) == (1, "")


def test_live_view_needs_a_terminal(loginpipe: CommandLine) -> None:
    finished = loginpipe("top")
    assert (finished.code, "--once" in finished.err) == (2, True)
    assert loginpipe("top", "--json").code == 2
    assert loginpipe("top", "--once", "--interval", "0").code == 2


# ---- CloudWatch -----------------------------------------------------------------------------------------------------


class Account:
    """A function, its log group and CloudWatch in an emulator of its own."""

    def __init__(self, port: int) -> None:
        self.variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "FUNCTION_NAME": "ingest",
        }  # fmt: skip
        self.url = str(self.client("sqs").create_queue(QueueName="logins")["QueueUrl"])
        self.variables |= {"QUEUE_URL": self.url, "DLQ_URL": self.url}
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "")
        self.client("lambda").create_function(
            FunctionName="ingest", Runtime="python3.13", Role="arn:aws:iam::000000000000:role/ingest",
            Handler="handler.x", Code={"ZipFile": code.getvalue()},
            Environment={"Variables": {"POWERTOOLS_SERVICE_NAME": "the-service"}},
        )  # fmt: skip
        self.client("logs").create_log_group(logGroupName="/aws/lambda/ingest")
        self.client("logs").create_log_stream(logGroupName="/aws/lambda/ingest", logStreamName="s")

    def client(self, service: str) -> Any:
        session: Any = boto3.Session("test", "test", region_name="us-east-1")
        return session.client(service, endpoint_url=self.variables["AWS_ENDPOINT_URL"])

    def put(self, minute: float, namespace: str, name: str, *values: float, **dimensions: str) -> None:
        """Puts the values of a metric into the minute that begins then."""
        named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        at = datetime.fromtimestamp(minute + 1, UTC)
        data = [{"MetricName": name, "Dimensions": named, "Timestamp": at, "Value": value} for value in values]
        self.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)

    def log(self, at: float, *lines: dict[str, Any]) -> None:
        events = [{"timestamp": int(at * 1000) + n, "message": json.dumps(line)} for n, line in enumerate(lines)]
        self.client("logs").put_log_events(logGroupName="/aws/lambda/ingest", logStreamName="s", logEvents=events)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    directory = tmp_path_factory.mktemp("ministack")
    server, port = start_ministack(Path(sys.executable), directory, "sqs,cloudwatch,logs,lambda,sts")
    try:
        yield Account(port)
    finally:
        server.stop()


def test_figures_of_cloudwatch_are_those_of_a_minute_that_is_complete(loginpipe: CommandLine, account: Account) -> None:
    while time.time() % 60 > 40:  # so that all of the test happens in one minute
        time.sleep(1)
    minute = time.time() // 60 * 60 - 120
    for start, duplicates in ((minute - 60, 6000), (minute, 120), (minute + 60, 9000)):
        account.put(start, NAMESPACE, "DuplicatesIgnored", duplicates, service="the-service")
    account.put(minute, NAMESPACE, "DuplicatesIgnored", 50_000, service="another")
    account.put(minute, NAMESPACE, "WriteMilliseconds", 10, 20, 60, service="the-service")
    account.put(minute, "AWS/SQS", "ApproximateAgeOfOldestMessage", 33, QueueName="logins")
    account.put(minute - 600, "AWS/Lambda", "Errors", 1, FunctionName="ingest")
    account.log(
        minute - 590,
        {"level": "INFO", "message": "batch failed"},
        {"errorType": "SetupError", "errorMessage": "Check the role.", "stackTrace": ["a line"]},
        {"record": {"status": "success"}},
    )
    finished = loginpipe("top", "--once", "--json", **account.variables)
    assert finished.code == 0, finished.err
    found, rates = finished.data["metrics"], finished.data["rates"]
    assert (rates["duplicates"], rates["rejected"], rates["write_milliseconds"]) == (2.0, 0.0, 30.0)
    assert (found["oldest_seconds"], found["period_seconds"]) == (33.0, 60)
    assert 60 <= found["age_seconds"] <= 120
    assert found["last_error"]["text"] == "SetupError: Check the role."
    assert found["last_error"]["at"] == datetime.fromtimestamp(minute - 600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = loginpipe("top", "--once", **account.variables)
    assert "CloudWatch, 1 min that ended 1 min" in text.out


def test_error_whose_log_cannot_be_read_is_counted(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.put(time.time() // 60 * 60 - 300, "AWS/Lambda", "Errors", 1, 1, FunctionName="ingest")
    account.client("logs").delete_log_group(logGroupName="/aws/lambda/ingest")
    for name, value in account.variables.items():
        monkeypatch.setenv(name, value)
    error = CloudWatchMetrics(Target(None)).read().last_error
    assert error is not None
    assert "failed invocations within an hour" in error.text


def test_cloudwatch_is_asked_twice_a_minute_at_most(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in account.variables.items():
        monkeypatch.setenv(name, value)
    target = Target(None)
    metrics = CloudWatchMetrics(target)
    first = metrics.read()
    monkeypatch.setattr(target, "cloudwatch", None)  # asked once more, this would raise
    assert metrics.read().counts == first.counts
