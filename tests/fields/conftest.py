"""The tree as it is and the tree with fields more, on one database, one salt, one queue and one vault."""

from pathlib import Path

import pytest

from local.vault import VaultKey
from tests.fields.wider_tree import Tree, copy_tree
from tests.ops.conftest import queues, vault_key  # noqa: F401  fixtures
from tests.ops.queues import Queues
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import ROOT


@pytest.fixture(scope="session")
def wider_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the added fields."""
    root = tmp_path_factory.mktemp("wider") / "tree"
    copy_tree(root)
    return root


@pytest.fixture
def before(database: Scratch, salt: SaltParameter, queues: Queues, vault_key: VaultKey) -> Tree:  # noqa: F811
    """The tree as it is, with a database that it has migrated; the vault is on."""
    variables = salt.aws.environment | database.environment()
    variables |= {"SALT_PARAMETER": salt.name, "QUEUE_URL": queues.url, "DLQ_URL": queues.dead_letter_url}
    variables |= {"VAULT_KEY": vault_key.arn, "VAULT_PUBLIC_KEY": vault_key.public, "COLUMNS": "200"}
    return Tree(ROOT, variables)


@pytest.fixture
def migrated(before: Tree, wider_root: Path) -> Tree:
    """The tree with the added fields, which has migrated the same database."""
    wider = Tree(wider_root, before.variables)
    assert "added_fields" in wider.run("lambda_src.migrate").stdout
    return wider
