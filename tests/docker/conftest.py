"""What the tests with Docker share: the images, and the servers of compose.yaml in a project of their own."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local.postgres import free_port
from tests.docker.engine import ROOT, docker, find_fault, obtain, pinned

LAMBDA_IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"


@dataclass
class Project:
    """A Compose project of these tests' own."""

    variables: dict[str, str]

    @property
    def endpoint(self) -> str:
        """LocalStack's address."""
        return f"http://127.0.0.1:{self.variables['LOCALSTACK_PORT']}"

    def compose(self, *words: str) -> str:
        """Runs `docker compose`; returns what it prints."""
        return docker("compose", *words, variables=self.variables).stdout.strip()

    def query(self, statement: str) -> str:
        """What psql prints in the container of Postgres, values only."""
        words = ("psql", "--host=127.0.0.1", "--username=postgres", "--dbname=logins", "--no-align", "--tuples-only")
        return self.compose("exec", "-T", "-e", "PGPASSWORD=local-only", "postgres", *words, "--command", statement)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "docker"):
            item.add_marker("docker")
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """The variables that name images, each with one that can be had here."""
    if (fault := find_fault()) is not None:
        pytest.skip(f"no Docker engine: {fault}")
    wanted = {
        "BASE_IMAGE": pinned("Dockerfile", "python"),
        "POSTGRES_IMAGE": pinned("compose.yaml", "postgres"),
        "LOCALSTACK_IMAGE": pinned("compose.yaml", "localstack/localstack"),
    }
    found: dict[str, str] = {}
    for variable, reference in wanted.items():
        image = os.environ.get(variable) or obtain(reference)
        if image is None:
            pytest.skip(f"{reference} cannot be pulled, and the engine has none of that tag")
        found[variable] = image
    return found


@pytest.fixture(scope="session")
def image(images: dict[str, str]) -> Iterator[str]:
    """The image, built from this tree."""
    name = f"login-worker-test:{secrets.token_hex(4)}"
    docker("build", "--quiet", "--tag", name, "--build-arg", f"BASE_IMAGE={images['BASE_IMAGE']}", ".")
    yield name
    docker("image", "rm", "--force", name)


@pytest.fixture
def container(image: str) -> Iterator[str]:
    """A container's name; whatever has it is removed after the test."""
    name = f"login-test-{secrets.token_hex(4)}"
    yield name
    docker("rm", "--force", "--volumes", name, check=False)


@pytest.fixture(scope="session")
def project(images: dict[str, str]) -> Iterator[Project]:
    """Postgres and LocalStack, up."""
    variables = images | {
        "COMPOSE_PROJECT_NAME": f"login-test-{secrets.token_hex(4)}",
        "POSTGRES_PORT": str(free_port()),
        "LOCALSTACK_PORT": str(free_port()),
    }
    started = Project(variables)
    try:
        started.compose("up", "--detach", "--wait")
        yield started
    finally:
        started.compose("--profile", "worker", "down", "--volumes", "--timeout", "10")
