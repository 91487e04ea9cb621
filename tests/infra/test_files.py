"""Files that only another system reads are checked with the schema of that system."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.conftest import Template

ROOT = Path(__file__).resolve().parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [ROOT / ".github" / "dependabot.yml"]),
        ("vendor.compose-spec", [ROOT / "compose.yaml"]),
    ],
    ids=["workflows", "dependabot", "compose"],
)
def test_file_fits_its_schema(schema: str, paths: list[Path]) -> None:
    assert paths
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", schema, *map(str, paths)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout


def test_workflows_run_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    called = set()
    for path in WORKFLOWS:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip().startswith("- run: make "):
                called.add(line.split("make ", 1)[1].split()[0])
    assert called >= {"lint", "test", "synth", "deploy"}
    for target in called:
        assert f"\n{target}:" in makefile, target


def test_sam_environment_overrides_what_the_template_declares(synthesize: Callable[[str], Template]) -> None:
    """The SAM CLI ignores a variable that the template does not declare."""
    template = synthesize("existing_database")
    environment = json.loads((ROOT / "infra" / "sam-environment.json").read_text(encoding="utf-8"))
    assert set(environment) == {"IngestFunction", "ProvisionFunction"}
    for function, variables in environment.items():
        declared = template.the("AWS::Lambda::Function", function)["Environment"]["Variables"]
        assert set(variables) <= set(declared)
        secret = {name for name, value in declared.items() if not isinstance(value, str)}
        assert secret - {"SALT_KEY"} <= set(variables), "what only CloudFormation can resolve is given here"
