"""Commands find the local stack that is up: every command works on it with nothing configured."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import wait_until
from tests.e2e.test_run import PATIENCE, command, nothing_left_running
from tests.support import make_body

IP = "203.0.113.9"
WHY = ("--reason", "a test")


@dataclass
class Local:
    """`loginpipe` in a directory with a stack that is up, and with no pipeline in the environment."""

    directory: Path

    def __call__(self, *words: str, variables: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Runs a command; `variables` are its whole environment beside PATH and HOME."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME")}
        return subprocess.run(
            command(self.directory, *words),
            check=False,
            capture_output=True,
            text=True,
            cwd=self.directory,
            env=inherited | (variables or {}),
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
        )

    def data(self, *words: str, code: int = 0, variables: dict[str, str] | None = None) -> Any:
        """The JSON that a command prints; it must end with `code`."""
        finished = self("--json", *words, variables=variables)
        assert finished.returncode == code, finished.stderr
        return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    running = Local(tmp_path_factory.mktemp("with a space"))
    with nothing_left_running(running.directory):
        started = running("--json", "up", "--vault", "--quarantine", "--fifo", "--visibility", "60")
        try:
            assert started.returncode == 0, started.stderr
            assert json.loads(started.stdout)["already_up"] is False
            events = running.directory / "logins.jsonl"
            events.write_text(json.dumps(make_body(user_id="me", ip=IP)), encoding="utf-8")
            assert running("send", str(events)).returncode == 0
            wait_until(lambda: running.data("status")["counts"]["rows"] == 1)
            yield running
        finally:
            running("down")


def test_options_of_up_are_followed(local: Local) -> None:
    description = local.data("status")
    assert description["queue"].endswith(".fifo")
    assert description["visibility_seconds"] == 60
    assert description["vault_key"].startswith("arn:")


def test_rejected_event_is_a_dead_letter_at_once_with_quarantine(local: Local) -> None:
    bad = local.directory / "bad.jsonl"
    bad.write_text(json.dumps(make_body(ip="no address")), encoding="utf-8")
    assert local("send", "--unchecked", str(bad)).returncode == 0
    wait_until(lambda: local.data("status")["counts"]["dead_letters"] == 1)
    assert [letter["reason"] for letter in local.data("dlq", "list")] == ["invalid_ip"]
    assert local("dlq", "purge", "--yes").returncode == 0


def test_second_up_says_that_the_stack_is_up(local: Local) -> None:
    again = local("up")
    assert again.returncode == 0
    assert "already up" in again.stderr
    assert f"--endpoint-url {local.data('status')['aws']['AWS_ENDPOINT_URL']} " in again.stdout
    other = local("up", "--visibility", "90")
    assert (other.returncode, other.stdout) == (2, "")
    assert "--visibility 90" in other.stderr


def test_doctor_finds_no_error(local: Local) -> None:
    finished = local("--json", "doctor")
    assert finished.returncode == 0, finished.stdout
    assert "This is the running local stack" in finished.stderr
    assert {finding["status"] for finding in json.loads(finished.stdout)} <= {"ok", "warning", "skipped"}


def test_each_command_logs_in_as_the_role_that_may(local: Local) -> None:
    (pseudonym,) = (row["pseudonym"] for row in local.data("lookup", "--ip", IP, *WHY)["pseudonyms"])
    assert local.data("upkeep")["made"] == 0  # and unfolds the vault
    words = ("recover", "--ip", pseudonym, "--reason", "a test", "--basis", "consent")
    assert local.data(*words)["original"] == IP
    assert local("worker", "--once").returncode == 0
    assert local.data("audit")[0]["at"].endswith("Z")
    assert local.data("forget", "--user-id", "nobody", "--reason", "a test", "--yes", code=4)["logins"] == 0
    assert local.data("audit", "--action", "forget")[0]["action"] == "forget"


def test_env_serves_other_programs(local: Local) -> None:
    lines = local("env").stdout.splitlines()
    variables = dict(word.split("=", 1) for line in lines for word in shlex.split(line)[1:])
    assert variables == local.data("env")
    assert variables["PGUSER"] == "reader"
    elsewhere = Local(local.directory.parent)  # no stack is up there
    assert sum(day["logins"] for day in elsewhere.data("report", "--days", "3660", variables=variables)["days"]) == 1
    refused = elsewhere("lookup", "--ip", IP, *WHY, variables=variables)  # it is another role's work
    assert (refused.returncode, "SQLSTATE 42501" in refused.stderr) == (1, True)
    # The environment that names this stack is this stack: each command still gets its own role.
    (pseudonym,) = (
        row["pseudonym"] for row in local.data("lookup", "--ip", IP, *WHY, variables=variables)["pseudonyms"]
    )
    words = ("recover", "--ip", pseudonym, "--reason", "a test", "--basis", "consent")
    assert local.data(*words, variables=variables)["original"] == IP


def test_environment_that_names_another_pipeline_wins_unless_local_is_said(local: Local) -> None:
    other = {"PGHOST": "127.0.0.1", "PGPORT": "9", "PGDATABASE": "x", "PGUSER": "x", "AWS_PROFILE": "none"}
    assert local("audit", variables=other).returncode == 1
    assert local("--local", "audit", variables=other).returncode == 0


def test_without_a_stack_that_is_up(tmp_path: Path) -> None:
    nowhere = Local(tmp_path)
    finished = nowhere("--local", "doctor")
    assert (finished.returncode, "loginpipe up" in finished.stderr) == (1, True)
    finished = nowhere("env")
    assert (finished.returncode, "loginpipe up" in finished.stderr) == (4, True)
    finished = nowhere("status", "--json")
    assert (finished.returncode, json.loads(finished.stderr)["exit_code"]) == (1, 1)


@pytest.mark.parametrize(
    ("words", "variables", "code", "text"),
    [
        (("doctor",), {"AWS_ENDPOINT_URL": "no url", "QUEUE_URL": "x"}, 2, "AWS_ENDPOINT_URL"),
        (("run",), {"LOCALSTACK_HOST": "nonsense:port:x"}, 1, "LOCALSTACK_HOST"),
        (("--directory", "/proc/none", "up"), {}, 1, "/proc/none"),
        (("report",), {"PGHOST": "127.0.0.1", "PGPORT": "9"}, 2, "PGDATABASE"),
    ],
)
def test_what_a_user_gets_wrong_ends_without_a_traceback(
    tmp_path: Path, words: tuple[str, ...], variables: dict[str, str], code: int, text: str
) -> None:
    finished = Local(tmp_path)(*words, variables=variables)
    assert "Traceback" not in finished.stderr
    assert (finished.returncode, text in finished.stderr) == (code, True), finished.stderr


def test_full_disk_ends_without_a_traceback(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            command(tmp_path, "--help"), check=False, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (finished.returncode, finished.stderr) == (1, "loginpipe: No space left on device.\n")
