import json
from pathlib import Path
from typing import Any

import pytest

from infra.settings import ContextError, parse_context

EXISTING = {"databaseHost": "db.example.com", "databaseSecret": "owner"}
TOPIC = {"snsTopicArn": "arn:aws:sns:eu-central-1:111122223333:logins"}
BUS = {"eventBusName": "logins", "envelope": "eventbridge"}
ROOT = Path(__file__).resolve().parent.parent.parent


def problems_of(context: dict[str, Any]) -> list[str]:
    with pytest.raises(ContextError) as caught:
        parse_context(context)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_values_of_the_command_line_are_texts() -> None:
    settings = parse_context({"multiAz": "true", "batchSize": "10", "minCapacity": "1.5", "maxCapacity": 2})
    assert (settings.multi_az, settings.batch_size, settings.min_capacity, settings.max_capacity) == (True, 10, 1.5, 2)


def test_stage_of_cdk_json_is_overridden_by_the_command_line() -> None:
    stages = {"stages": {"production": {"multiAz": True, "batchSize": 10}}}
    assert parse_context({**stages, "stage": "production"}).multi_az
    assert not parse_context({**stages, "stage": "production", "multiAz": "false"}).multi_az
    assert not parse_context(stages).multi_az


def test_stages_of_cdk_json_are_usable() -> None:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    for stage in ("staging", "production"):
        assert parse_context({**context, "stage": stage}).stage == stage


def test_every_problem_is_named_at_once() -> None:
    found = problems_of({"arch": "mips", "batchSize": "10001", "multiAZ": True, "memory": True, "alarmEmail": "me"})
    assert [problem.partition(":")[0] for problem in found] == ["arch", "batchSize", "multiAZ", "memory", "alarmEmail"]
    assert "multiAz" in found[2], "an unknown key comes with those that are known"


@pytest.mark.parametrize(
    ("context", "key"),
    [
        ({"vpcId": "vpc-0123456789abcdef0"}, "vpcId and subnetIds"),
        ({"vpcId": "vpc-0123456789abcdef0", "subnetIds": "subnet-01234567"}, "subnetIds"),
        ({"sqsEndpoint": False}, "ssmEndpoint, sqsEndpoint"),
        (
            {"vpcId": "vpc-01234567", "subnetIds": "subnet-01234567,subnet-89abcdef", "ssmEndpoint": False},
            "endpointSecurityGroup",
        ),
        ({"endpointSecurityGroup": "sg-01234567"}, "endpointSecurityGroup"),
        ({"functionTimeout": 4}, "functionTimeout"),
        ({"outageMinutes": 7 * 24 * 60}, "outageMinutes"),
        ({"batchSize": 11, "batchWindow": 0}, "batchWindow"),
        ({"storageGib": 100, "maxStorageGib": 100}, "maxStorageGib"),
        ({"minCapacity": 8, "maxCapacity": 4}, "maxCapacity"),
        ({"databaseHost": "db.example.com"}, "databaseHost"),
        ({"databaseHost": "db", "databaseSecret": "a", "databaseResourceId": "db-A"}, "databaseHost"),
        ({"databaseHost": "db", "databaseSecret": "a", "proxy": True}, "proxy"),
        ({"databaseSecret": "a"}, "databaseSecret"),
        ({**EXISTING, "analystCidr": "10.1.0.0/16"}, "analystCidr"),
        ({**EXISTING, "analystSecurityGroup": "sg-01234567"}, "analystSecurityGroup"),
        ({**EXISTING, "pgaudit": True}, "pgaudit"),
        ({"analystCidr": "0.0.0.0/0"}, "analystCidr"),
        ({"analystCidr": "8.8.8.0/24"}, "analystCidr"),
        ({"analystCidr": "10.1.2.3/16"}, "analystCidr"),
        ({"saltParameter": "/one/salt"}, "saltParameter"),
        ({"linking": True}, "linking"),
        ({"valuesPerHour": 0}, "valuesPerHour"),
        ({"retainData": False}, "retainData=false"),
        ({"stages": {"staging": True}}, "stages"),
        ({"snsTopicArn": "arn:aws:sqs:eu-central-1:111122223333:logins"}, "snsTopicArn"),
        ({**TOPIC, **BUS}, "snsTopicArn and eventBusName"),
        ({**TOPIC, "envelope": "eventbridge"}, "snsTopicArn"),
        ({"eventBusName": "logins"}, "eventBusName"),
        ({"eventBusName": "logins", "envelope": "sns"}, "eventBusName"),
        ({"eventDetailType": "UserLoggedIn"}, "eventDetailType"),
        ({**BUS, "eventBusName": "default"}, "eventBusName=default"),
    ],
)
def test_contradiction_is_named(context: dict[str, Any], key: str) -> None:
    (problem,) = problems_of(context)
    assert problem.startswith(f"{key}:")
