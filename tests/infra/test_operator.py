"""The operator functions in the templates: the permissions of each, and the scheduled runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from infra.app import declare
from infra.delivery import ConnectionBudget
from infra.operators import OPERATORS
from lambda_src.privileges import ROLES
from ops.operations.registry import OPERATIONS
from ops.settings import OPERATOR_FUNCTIONS
from tests.infra.conftest import ROOT, VARIANTS, Synthesize, Template
from tests.infra.statements import actions_of, statements_of

COMMON = {
    "-": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    "LogInToDatabase": {"rds-db:connect"},
    "WriteOwnLog": {"logs:CreateLogStream", "logs:PutLogEvents"},
}
NETWORK = {"NetworkInterfaces", "NoNetworkInterfacesForCode"}


def beyond_network(template: Template, function: str) -> dict[str, set[str]]:
    found = actions_of(template, function)
    assert found.keys() >= NETWORK
    return {sid: actions for sid, actions in found.items() if sid not in NETWORK}


def environment_of(template: Template, function: str) -> dict[str, Any]:
    variables: dict[str, Any] = template.the("AWS::Lambda::Function", function)["Environment"]["Variables"]
    return variables


def test_operators_are_those_of_the_operations() -> None:
    """Each operation belongs to one function, and each function has its role in the database."""
    assert [each.name for each in OPERATORS] == list(OPERATIONS)
    assert {each.name for each in OPERATORS} == set(ROLES) - {"ingest", "analyst"}
    assert {f"{each.name}_function" for each in OPERATORS} == set(OPERATOR_FUNCTIONS)


def test_masker_may_read_the_salts_and_nothing_else(template: Template) -> None:
    statements = actions_of(template, "MaskerFunction")
    assert statements["ReadSaltHistory"] == {"ssm:GetParameterHistory"}
    assert statements["DecryptSalt"] == {"kms:Decrypt"}
    beyond = statements.keys() - NETWORK - COMMON.keys() - {"ReadSaltHistory", "DecryptSalt"}
    assert not beyond


@pytest.mark.parametrize("role", [each.name for each in OPERATORS if each.name != "masker"])
def test_other_operators_may_do_nothing_in_aws(synthesize: Synthesize, role: str) -> None:
    """They may use neither the salt nor KMS. Values of the vault are sealed, and only the caller has the key."""
    assert beyond_network(synthesize("vault"), f"{role.capitalize()}Function") == COMMON


def test_each_operator_logs_in_as_its_role(synthesize: Synthesize) -> None:
    template = synthesize("vault")
    for role in OPERATIONS:
        function = f"{role.capitalize()}Function"
        environment = environment_of(template, function)
        assert (environment["PGUSER"], environment["OPERATIONS"]) == (role, role)
        (statement,) = [
            statement
            for id_, statement in statements_of(template)
            if function in id_ and statement.get("Sid") == "LogInToDatabase"
        ]
        assert statement["Resource"]["Fn::Join"][1][-1] == f"/{role}"
        assert template.the("AWS::Lambda::Function", function)["Handler"] == "ops.operator.lambda_handler"
        assert template.body["Outputs"][f"{role.capitalize()}FunctionName"]


def test_vault_is_off_by_default(staging: Template) -> None:
    assert "CustodianFunctionName" not in staging.body["Outputs"]
    assert not [id_ for id_ in staging.resources("AWS::Lambda::Function") if "Custodian" in id_]
    assert "VAULT_PUBLIC_KEY" not in staging.path.read_text(encoding="utf-8")


def test_linking_is_off_by_default(tmp_path: Path) -> None:
    """It is off also with the vault, because `recover` needs no link."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"] | VARIANTS["vault"]
    app = App(context=context | {"linking": "false"}, outdir=str(tmp_path))
    stack = declare(app)
    app.synth()
    template = Template("vault without linking", tmp_path / stack.template_file)
    assert "CustodianFunctionName" in template.body["Outputs"]
    assert "Linker" not in template.path.read_text(encoding="utf-8")


def test_limit_of_values_is_handed_to_the_database(synthesize: Synthesize) -> None:
    """The provision step sets the limit as the owner, so the limited role cannot change it."""
    assert environment_of(synthesize("staging"), "ProvisionFunction")["VALUES_PER_HOUR"] == "60"
    assert "VALUES_PER_HOUR" not in environment_of(synthesize("staging"), "MaskerFunction")


def test_vault_gives_the_function_the_public_half_alone(synthesize: Synthesize) -> None:
    template = synthesize("vault")
    assert environment_of(template, "IngestFunction")["VAULT_PUBLIC_KEY"].startswith("MII")
    key = "key/01234567-89ab-cdef-0123-456789abcdef"
    assert key in template.body["Outputs"]["VaultKeyArn"]["Value"]
    for id_, statement in statements_of(template):
        assert key not in json.dumps(statement), f"{id_} could use the key that opens the vault"


def test_upkeep_runs_every_hour(template: Template) -> None:
    (rule,) = [
        rule for rule in template.properties("AWS::Events::Rule") if rule.get("ScheduleExpression") == "rate(1 hour)"
    ]
    (target,) = rule["Targets"]
    assert json.loads(target["Input"]) == {"operation": "upkeep", "arguments": {"ahead": 12}}
    assert "RemoverFunction" in json.dumps(target["Arn"])


def test_retention_runs_only_where_it_is_asked_for(template: Template) -> None:
    rules = [
        rule for rule in template.properties("AWS::Events::Rule") if rule.get("ScheduleExpression") == "rate(1 day)"
    ]
    if template.variant != "vault":
        assert rules == []
        return
    event = json.loads(rules[0]["Targets"][0]["Input"])
    assert (event["operation"], event["arguments"]["months"], event["arguments"]["dry_run"]) == ("retention", 13, False)


def test_passwords_come_from_secrets_of_their_own(synthesize: Synthesize) -> None:
    template = synthesize("existing_database")
    provision = environment_of(template, "ProvisionFunction")
    values = [json.dumps(provision[f"{role}_PASSWORD"]) for role in ("INGEST", "READER", "MASKER", "REMOVER")]
    assert len(set(values)) == 4
    assert json.dumps(environment_of(template, "ReaderFunction")["PGPASSWORD"]) == values[1]
    assert "CUSTODIAN_PASSWORD" not in provision  # no function logs in as this role, so it gets no password


def test_concurrency_of_operators_is_reserved_and_fits_their_connections(template: Template) -> None:
    functions = template.resources("AWS::Lambda::Function")
    for operator in OPERATORS:
        if operator.function_id in functions:
            expected = None if template.variant == "throwaway" else operator.concurrency
            assert functions[operator.function_id]["Properties"].get("ReservedConcurrentExecutions") == expected
    # During a deployment the old environments still run.
    assert sum(operator.concurrency for operator in OPERATORS) <= ConnectionBudget(ingest=40).operators // 2
