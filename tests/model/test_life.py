"""Random histories of the whole pipeline: a few in `make test`, many in `make model`."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from local.aws import AwsEndpoint
from local.postgres import PostgresServer
from local.vault import create_vault_key
from tests.model import pipeline
from tests.model.boundary import boundaries
from tests.model.machine import LifeOfALogin
from tests.model.store import Store
from tests.model.world import World

SEED = int(os.environ.get("MODEL_SEED", "1"))
HISTORIES = int(os.environ.get("MODEL_HISTORIES", "200"))
AT_ONCE = 100  # of one seed: workers share them, and a failure among the last of ten thousand is repeated soon
STEPS = 10


@pytest.fixture(scope="module")
def world(
    postgres_server: PostgresServer, aws: AwsEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    store = Store(postgres_server, pipeline.migrate)
    with boundaries(store.pool), pipeline.quick(), pytest.MonkeyPatch.context() as environment:
        yield World(store, aws, create_vault_key(aws.kms), tmp_path_factory.mktemp("archives"), environment.setenv)
    store.close()


# A process that is killed in the middle of a file leaves it open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(3600)  # a failure is made shorter, which takes longer than the histories
@pytest.mark.parametrize("part", range(-(-HISTORIES // AT_ONCE)), ids=lambda part: f"seed {SEED + part}")
def test_life_of_a_login(world: World, part: int) -> None:
    histories = min(AT_ONCE, HISTORIES - part * AT_ONCE)
    # Shown where the test fails.
    print(f"{histories} histories; repeat them with: make model SEED={SEED + part} HISTORIES={histories}")  # noqa: T201
    LifeOfALogin.world = world
    run_state_machine_as_test(
        seed(SEED + part)(LifeOfALogin),
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
