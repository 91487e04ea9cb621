"""The image: who it runs as, how it ends, what it needs to write, and when it calls itself unwell."""

import json
import time
from typing import Any

import pytest

from tests.docker.engine import docker

# Reads standard input to its end, so it runs until it is stopped.
WAITING = ("send", "-")
CLOSED = ("--read-only", "--cap-drop", "ALL", "--network", "none")


def inspect(name: str) -> dict[str, Any]:
    described: list[dict[str, Any]] = json.loads(docker("inspect", name).stdout)
    return described[0]


def test_user_is_a_number_and_not_root(image: str) -> None:
    user, _, group = inspect(image)["Config"]["User"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert docker("run", "--rm", "--entrypoint", "id", image, "-u").stdout.strip() == user


def test_command_line_needs_nothing_to_write(image: str) -> None:
    assert docker("run", "--rm", *CLOSED, image, "--version").stdout.startswith("loginpipe ")
    assert docker("run", "--rm", *CLOSED, "--entrypoint", "loginpipe", image, "mask", "--help").returncode == 0


@pytest.mark.parametrize("options", [("--read-only",), ("--tmpfs=/tmp:ro",), ()], ids=["no tmpfs", "closed", "gone"])
def test_worker_without_a_place_to_write_says_so(image: str, options: tuple[str, ...]) -> None:
    settings = {"QUEUE_URL": "http://127.0.0.1:1/1/q", "AWS_REGION": "us-east-1", "SALT_PARAMETER": "/s", "PGHOST": "x"}
    variables = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    start = "exec loginpipe worker --health-file /tmp/worker-is-well"
    if not options:  # only root can take the folder away
        options, start = ("--user", "0"), f"rm -rf /tmp && {start}"
    finished = docker("run", "--rm", *options, *variables, "--entrypoint", "sh", image, "-c", start, check=False)
    assert finished.returncode == 2
    assert "The health file /tmp/worker-is-well cannot be written" in finished.stderr
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize("options", [(), ("--init",)], ids=["alone", "under Docker's own init"])
def test_any_command_ends_on_sigterm(image: str, container: str, options: tuple[str, ...]) -> None:
    docker("run", "--detach", "--interactive", *options, "--name", container, image, *WAITING)
    time.sleep(2)
    started = time.monotonic()
    docker("stop", "--time", "60", container)
    assert time.monotonic() - started < 30, "it was killed after the whole stop time"
    assert inspect(container)["State"]["ExitCode"] == 128 + 15


def test_only_a_worker_is_checked(image: str, container: str) -> None:
    often = ("--health-interval", "1s", "--health-start-period", "0s", "--health-retries", "2")
    docker("run", "--detach", "--interactive", *often, "--name", container, image, *WAITING)
    assert wait_for_health(container) == "healthy"
    docker("rm", "--force", container)
    unwell = ("--entrypoint", "sh", image, "-c", "sleep 60; : /tmp/worker-is-well")
    docker("run", "--detach", *often, "--name", container, *unwell)
    assert wait_for_health(container) == "unhealthy"


def wait_for_health(name: str) -> str:
    """The container's health once it is known."""
    deadline = time.monotonic() + 60
    while (health := str(inspect(name)["State"]["Health"]["Status"])) == "starting":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return health
