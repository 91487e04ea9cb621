"""Dockerfile, compose.yaml, help and documents say the same, without an engine."""

import re
from pathlib import Path
from typing import Any

import yaml

from ops.commands.work import worker

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return loaded


def test_stop_time_is_the_same_everywhere() -> None:
    texts = [DOCKERFILE, worker.__doc__ or "", *(path.read_text(encoding="utf-8") for path in DOCUMENTS)]
    named = [re.findall(r"docker stop (?:-t|--time) (\d+)", text) for text in texts]
    assert named[0]
    assert named[1]
    assert {seconds for found in named for seconds in found} == {services()["worker"]["stop_grace_period"].rstrip("s")}


def test_image_has_an_init_process_and_a_numeric_user() -> None:
    assert re.search(r'^ENTRYPOINT \["dumb-init", "--", "loginpipe"\]$', DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_worker_of_compose_may_write_to_its_temporary_folder_only() -> None:
    worker_service = services()["worker"]
    assert (worker_service["read_only"], worker_service["tmpfs"], worker_service["cap_drop"]) == (True, "/tmp", ["ALL"])  # noqa: S108


def test_servers_listen_on_this_machine_at_ports_that_variables_name() -> None:
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-1\d{4}\}:\d+", port) for port in ports)


def test_settings_of_the_function_under_sam_are_those_of_the_servers() -> None:
    postgres = services()["postgres"]["environment"]
    assert services()["worker"]["environment"]["PGPASSWORD"] == postgres["POSTGRES_PASSWORD"]
    assert services()["localstack"]["environment"]["EAGER_SERVICE_LOADING"] == "1"
