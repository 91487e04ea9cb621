"""Nothing is installed or run that a hash or a commit does not pin."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.security.audit import read_locks

ROOT = Path(__file__).resolve().parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LOCKS = sorted(
    path
    for pattern in ("*.txt", "[a-z]*/*.txt", "tests/*/*.txt")
    for path in ROOT.glob(pattern)
    # Neither the editable install's files nor the checksums of released migrations are locks.
    if path.parent.suffix != ".egg-info" and path.name != "released-migrations.txt"
)
INSTALLERS = [*(ROOT / name for name in ("Makefile", "Dockerfile", ".ci/run")), *WORKFLOWS]
PINNED_ACTION = re.compile(r"\S+/\S+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
WRITES = {
    ("codeql", "analyze"): {"security-events"},
    ("deploy", "staging"): {"id-token"},
    ("deploy", "production"): {"id-token"},
    ("deploy-stage", "deploy"): {"id-token"},
    ("docs", "publish"): {"pages", "id-token"},
    ("release", "publish"): {"contents", "id-token", "attestations"},
}


def load_workflow(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return workflow


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_lock_is_hashed_and_names_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    entries = re.findall(r"^\S+==.*(?:\n    .*)+", text, re.MULTILINE)
    assert len({entry.split(" ")[0] for entry in entries}) == len(read_locks([path])) > 0
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


@pytest.mark.parametrize("folder", ["infra", "docs_tools"])
def test_npm_lock_holds_a_hash_of_each_package_and_no_address(folder: str) -> None:
    text = (ROOT / folder / "package-lock.json").read_text(encoding="utf-8")
    packages = {name: package for name, package in json.loads(text)["packages"].items() if name}
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "://" not in text


def test_every_installer_checks_hashes() -> None:
    lines = [line for path in INSTALLERS for line in path.read_text(encoding="utf-8").splitlines()]
    installs = [line for line in lines if re.search(r"\bpip install\b", line)]
    assert len(installs) > 5
    own = "--no-deps --no-build-isolation --editable ."  # the project itself: nothing is fetched
    assert [line for line in installs if "--require-hashes" not in line and own not in line] == []
    assert [line for line in lines if re.search(r"\b(uvx|npx|npm i|npm install|uv tool)\b", line)] == []


def test_image_is_built_from_a_digest() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG BASE_IMAGE=python:3\.13-slim@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert re.findall(r"^FROM (.*)$", text, re.MULTILINE) == ["${BASE_IMAGE}"]


def test_images_of_compose_are_digests_unless_a_variable_names_others() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    fetched = {name: service["image"] for name, service in services.items() if "build" not in service}
    assert fetched.keys() == {"localstack", "postgres"}
    for name, image in fetched.items():
        assert re.fullmatch(rf"\$\{{{name.upper()}_IMAGE:-[a-z/]+:[\d.]+@sha256:[0-9a-f]{{64}}\}}", image), image


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_pins_each_action_by_commit(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := re.search(r"\buses: (.*)", line):
            assert found[1].startswith("./.github/workflows/") or PINNED_ACTION.fullmatch(found[1]), line


def test_one_action_has_one_commit() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    pins = set(re.findall(r"uses: (\S+)@([0-9a-f]{40})  # (\S+)", texts))
    assert len({action for action, _, _ in pins}) == len(pins) > 5


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_may_only_read_unless_a_job_says_why(path: Path) -> None:
    workflow = load_workflow(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        rights = job.get("permissions", {}).items()
        assert {right for right, level in rights if level != "read"} == WRITES.get((path.stem, name), set()), name


def test_what_may_log_in_or_publish_runs_in_an_environment() -> None:
    """The jobs that a workflow calls are those of deploy-stage.yml, which names its environment."""
    for path in WORKFLOWS:
        for job in load_workflow(path)["jobs"].values():
            if job.get("permissions", {}).get("id-token") == "write" and "uses" not in job:
                assert job["environment"]


def test_each_lock_has_its_updates() -> None:
    settings = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))
    pip = next(entry for entry in settings["updates"] if entry["package-ecosystem"] == "pip")
    assert {str(path.parent.relative_to(ROOT)) for path in LOCKS} == {
        directory.strip("/") or "." for directory in pip["directories"]
    }
