"""IAM statements of a template."""

from collections.abc import Iterator
from typing import Any

from tests.infra.conftest import Template


def statements_of(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    for id_, policy in template.resources("AWS::IAM::Policy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield id_, statement
    for id_, role in template.resources("AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield id_, statement


def actions_of(template: Template, part_of_id: str) -> dict[str, set[str]]:
    found = {}
    for id_, statement in statements_of(template):
        if part_of_id in id_:
            actions = statement["Action"]
            found[statement.get("Sid", "-")] = {actions} if isinstance(actions, str) else set(actions)
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def key_of_queues(template: Template) -> str:
    """Returns the logical id of the key that both queues use."""
    (key,) = {properties["KmsMasterKeyId"]["Fn::GetAtt"][0] for properties in template.properties("AWS::SQS::Queue")}
    return str(key)
