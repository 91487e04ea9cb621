"""Runs the bundle, as it is deployed, in AWS's runtime emulator with Python 3.13, with a real Postgres."""

import contextlib
import http.client
import json
import platform
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import build
from local.cloud import RUNTIME_PYTHON
from local.emulator import ARCHITECTURES
from local.postgres import free_port
from local.process import ServerProcess
from local.runtime import INVOCATIONS
from tests.function import function_environment
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import failed_ids, make_record, make_records

pytestmark = pytest.mark.skipif(
    not RUNTIME_PYTHON.exists(), reason="no Python 3.13 here, in which the bundle runs: see `make cloud-setup`"
)


class Runtime:
    """The Runtime Interface Emulator. Its task root is the bundle, and no other file of the project is used."""

    def __init__(self, environment: dict[str, str], directory: Path, handler: str) -> None:
        self._port = free_port()
        machine = ARCHITECTURES[platform.machine().lower()]
        task_root = build(machine)
        emulator = Path(sys.prefix) / "emulator" / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{machine}"
        command = [
            *(str(emulator), "--log-level", "error"),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
            *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
            *(str(RUNTIME_PYTHON), "-P", "-m", "awslambdaric", handler),
        ]
        variables = {
            # As in Lambda, the bundle comes before the packages of the runtime.
            "LAMBDA_TASK_ROOT": str(task_root),
            "PYTHONPATH": str(task_root),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_FUNCTION_NAME": "bundle",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "30",
            **environment,
        }
        self.server = ServerProcess("function", command, variables, directory)
        self.server.start(self._listens, task_root)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True
        return False

    def invoke(self, event: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", INVOCATIONS, json.dumps(event), {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())


@pytest.fixture
def runtime(database: Scratch, salt: SaltParameter, tmp_path: Path) -> Iterator[Runtime]:
    started = Runtime(function_environment(database, salt), tmp_path, "lambda_src.handler.lambda_handler")
    yield started
    started.server.stop()


def test_bundle_writes_a_valid_batch(runtime: Runtime, database: Scratch) -> None:
    records = make_records(100)
    assert failed_ids(runtime.invoke({"Records": records})) == []
    assert failed_ids(runtime.invoke({"Records": records})) == []
    assert database.count() == 100


def test_bundle_reports_the_bad_record_of_a_mixed_batch(runtime: Runtime, database: Scratch) -> None:
    bad = [make_record("{", message_id="no-json"), make_record(ip="300.1.1.1", message_id="no-ip")]
    response = runtime.invoke({"Records": [*make_records(3), *bad, *make_records(2)]})
    assert sorted(failed_ids(response)) == ["no-ip", "no-json"]
    assert database.count() == 5
    assert database.rows("reason", "rejected_logins") == [("invalid_ip",), ("invalid_json",)]


@pytest.mark.parametrize("event", [{}, {"Records": [{"eventSource": "aws:s3", "s3": {}}]}, [1], "text", None])
def test_bundle_refuses_an_event_that_is_no_batch(runtime: Runtime, database: Scratch, event: Any) -> None:
    assert runtime.invoke(event)["errorType"] == "EventError"
    assert database.count() == 0


def test_bundle_log_holds_no_personal_data(runtime: Runtime) -> None:
    runtime.invoke(
        {"Records": [make_record(ip="203.0.113.77", device_id="canary-device"), make_record(ip="canary-ip")]}
    )
    log = runtime.server.log_path.read_text(encoding="utf-8")
    assert "RecordsReceived" in log
    for value in ("203.0.113.77", "canary-device", "canary-ip"):
        assert value not in log
