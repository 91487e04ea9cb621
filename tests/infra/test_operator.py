"""The operator functions in the templates: what each may do, and what runs by itself."""

import json
from collections.abc import Callable
from typing import Any

from infra.delivery import ConnectionBudget
from infra.operators import OPERATORS
from tests.infra.conftest import Template
from tests.infra.test_stack import actions_of, statements_of

Synthesize = Callable[[str], Template]
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


def test_operator_may_read_the_salts_and_nothing_else(template: Template) -> None:
    statements = actions_of(template, "OperatorFunction")
    assert statements["ReadSaltHistory"] == {"ssm:GetParameterHistory"}
    assert statements["DecryptSalt"] == {"kms:Decrypt"}
    beyond = statements.keys() - NETWORK - COMMON.keys() - {"ReadSaltHistory", "DecryptSalt"}
    assert not beyond


def test_custodian_may_do_nothing_in_aws(synthesize: Synthesize) -> None:
    """Neither salt nor KMS: what it hands out is sealed, and the caller needs the key."""
    assert beyond_network(synthesize("vault"), "CustodianFunction") == COMMON


def test_each_half_logs_in_as_its_role(synthesize: Synthesize) -> None:
    template = synthesize("vault")
    for half in ("operator", "custodian"):
        function = f"{half.capitalize()}Function"
        environment = environment_of(template, function)
        assert (environment["PGUSER"], environment["OPERATIONS"]) == (half, half)
        (statement,) = [
            statement
            for id_, statement in statements_of(template)
            if function in id_ and statement.get("Sid") == "LogInToDatabase"
        ]
        assert statement["Resource"]["Fn::Join"][1][-1] == f"/{half}"
        assert template.the("AWS::Lambda::Function", function)["Handler"] == "ops.operator.lambda_handler"
        assert template.body["Outputs"][f"{half.capitalize()}FunctionName"]


def test_vault_is_off_by_default(staging: Template) -> None:
    assert "CustodianFunctionName" not in staging.body["Outputs"]
    assert not [id_ for id_ in staging.resources("AWS::Lambda::Function") if "Custodian" in id_]
    assert "VAULT_PUBLIC_KEY" not in staging.path.read_text(encoding="utf-8")


def test_vault_gives_the_function_the_public_half_alone(synthesize: Synthesize) -> None:
    template = synthesize("vault")
    assert environment_of(template, "IngestFunction")["VAULT_PUBLIC_KEY"].startswith("MII")
    key = "key/01234567-89ab-cdef-0123-456789abcdef"
    assert key in template.body["Outputs"]["VaultKeyArn"]["Value"]
    for id_, statement in statements_of(template):
        assert key not in json.dumps(statement), f"{id_} could use the key that opens the vault"


def test_upkeep_runs_every_hour(template: Template) -> None:
    (rule,) = [
        rule for rule in template.properties("AWS::Events::Rule") if rule["ScheduleExpression"] == "rate(1 hour)"
    ]
    (target,) = rule["Targets"]
    assert json.loads(target["Input"]) == {"operation": "upkeep", "arguments": {"ahead": 12}}
    assert "OperatorFunction" in json.dumps(target["Arn"])


def test_retention_runs_only_where_it_is_asked_for(template: Template) -> None:
    rules = [rule for rule in template.properties("AWS::Events::Rule") if rule["ScheduleExpression"] == "rate(1 day)"]
    if template.variant != "vault":
        assert rules == []
        return
    event = json.loads(rules[0]["Targets"][0]["Input"])
    assert (event["operation"], event["arguments"]["months"], event["arguments"]["dry_run"]) == ("retention", 13, False)


def test_passwords_come_from_secrets_of_their_own(synthesize: Synthesize) -> None:
    template = synthesize("existing_database")
    provision = environment_of(template, "ProvisionFunction")
    values = [json.dumps(provision[f"{role}_PASSWORD"]) for role in ("INGEST", "OPERATOR", "CUSTODIAN")]
    assert len(set(values)) == 3
    assert json.dumps(environment_of(template, "OperatorFunction")["PGPASSWORD"]) == values[1]


def test_concurrency_of_operators_is_reserved_and_fits_their_connections(template: Template) -> None:
    functions = template.resources("AWS::Lambda::Function")
    for operator in OPERATORS:
        if operator.function_id in functions:
            expected = None if template.variant == "throwaway" else operator.concurrency
            assert functions[operator.function_id]["Properties"].get("ReservedConcurrentExecutions") == expected
    # During a deploy the environments before it live on.
    assert sum(operator.concurrency for operator in OPERATORS) <= ConnectionBudget(ingest=40).operators // 2
