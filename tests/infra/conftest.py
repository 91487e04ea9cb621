"""The templates of every variant of the stack, each synthesized once a session."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from infra.app import declare

ROOT = Path(__file__).resolve().parent.parent.parent
EXISTING = {"databaseHost": "db.example.com"}
SUBNETS = "subnet-0123456789abcdef0,subnet-0123456789abcdef1"
VARIANTS: dict[str, dict[str, Any]] = {
    "staging": {},
    "production": {"stage": "production", "alarmEmail": "on-call@example.com"},
    "aurora": {"database": "aurora", "multiAz": "true"},
    "proxy": {"proxy": "true"},
    "aurora_proxy": {"database": "aurora", "proxy": "true"},
    "analysts": {
        "stage": "production",
        "analystSecurityGroup": "sg-0123456789abcdef2",
        "analystCidr": "10.1.0.0/16",
        "pgaudit": "true",
    },
    "restored": {"restoreSnapshot": "rds:logins-2026-01-31-03-00"},
    "restored_aurora": {"restoreSnapshot": "logins-before-the-mistake", "database": "aurora"},
    "throwaway": {
        "retainData": "false",
        "deletionProtection": "false",
        "arch": "x86_64",
        "reserveConcurrency": "false",
    },
    "no_quarantine": {
        "quarantine": "false",
        "envelope": "sns",
        "snsTopicArn": "arn:aws:sns:eu-central-1:111122223333:logins",
    },
    "eventbridge": {
        "envelope": "eventbridge",
        "eventBusName": "logins",
        "eventDetailType": "UserLoggedIn",
    },
    "vault": {
        "vaultKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef",
        "vaultPublicKey": "MII" + "A" * 733,
        "linking": "true",
        "retentionMonths": "13",
        "dailyPartitions": "true",
    },
    "existing_vpc": {
        "vpcId": "vpc-0123456789abcdef0",
        "subnetIds": SUBNETS,
        "ssmEndpoint": "false",
        "sqsEndpoint": "false",
        "endpointSecurityGroup": "sg-0123456789abcdef1",
    },
    "existing_database": {**EXISTING, "databaseSecret": "owner", "retainData": "false"},
    "existing_rds": {
        **EXISTING,
        "databaseResourceId": "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "vpcId": "vpc-0123456789abcdef0",
        "subnetIds": SUBNETS,
        "databaseSecurityGroup": "sg-0123456789abcdef0",
        "saltKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef",
    },
    "shard": {
        "saltParameter": "/login-pipeline-one/salt",
        "saltKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef",
    },
}
OWN_DATABASE = [name for name, context in VARIANTS.items() if "databaseHost" not in context]


@dataclass(frozen=True)
class Template:
    """A synthesized template."""

    variant: str
    path: Path

    @property
    def body(self) -> dict[str, Any]:
        """Returns the whole template."""
        return read(self.path)

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Returns the resources of a type, by logical id."""
        return {id_: resource for id_, resource in self.body["Resources"].items() if resource["Type"] == kind}

    def properties(self, kind: str) -> list[dict[str, Any]]:
        """Returns the properties of all resources of a type."""
        return [resource["Properties"] for resource in self.resources(kind).values()]

    def the(self, kind: str, part_of_id: str = "") -> dict[str, Any]:
        """Returns the properties of the only resource of a type whose logical id contains a text."""
        (found,) = [item for id_, item in self.resources(kind).items() if part_of_id in id_]
        properties: dict[str, Any] = found["Properties"]
        return properties


@cache
def read(path: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return body


Synthesize = Callable[[str], Template]


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """A function that returns the template of a variant, as `cdk synth` makes it, with all its checks."""
    defaults = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]

    @cache
    def template(variant: str) -> Template:
        directory = tmp_path_factory.mktemp(variant)
        app = App(context={**defaults, **VARIANTS[variant]}, outdir=str(directory))
        stack = declare(app)
        app.synth()
        return Template(variant, directory / stack.template_file)

    return template


@pytest.fixture
def staging(synthesize: Callable[[str], Template]) -> Template:
    """The template of the default variant."""
    return synthesize("staging")


@pytest.fixture(params=list(VARIANTS))
def template(request: pytest.FixtureRequest, synthesize: Callable[[str], Template]) -> Template:
    """The template of each variant."""
    return synthesize(request.param)


@pytest.fixture(params=OWN_DATABASE)
def with_database(request: pytest.FixtureRequest, synthesize: Callable[[str], Template]) -> Template:
    """The template of each variant with its own database."""
    return synthesize(request.param)
