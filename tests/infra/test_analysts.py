"""Who can connect to the database of the stack."""

from typing import Any

from tests.infra.conftest import VARIANTS, Synthesize, Template


def people_rules(template: Template) -> list[dict[str, Any]]:
    """Returns the security group rules for sources other than the functions and the proxy."""
    rules = template.properties("AWS::EC2::SecurityGroupIngress")
    for group in template.properties("AWS::EC2::SecurityGroup"):
        rules += group.get("SecurityGroupIngress", [])
    return [rule for rule in rules if rule["Description"] == "analysts to the database"]


def outputs_of(template: Template) -> dict[str, Any]:
    return {name: output["Value"] for name, output in template.body["Outputs"].items() if name.startswith("Analyst")}


def test_no_person_can_connect_by_default_and_the_outputs_say_so(template: Template) -> None:
    if template.variant == "analysts":
        return
    assert people_rules(template) == []
    ((name, value),) = outputs_of(template).items()
    assert name == "AnalystAccess"
    own = "databaseHost" not in VARIANTS[template.variant]
    assert value.startswith("no person can connect" if own else "the existing database")


def test_people_connect_from_where_the_settings_say(synthesize: Synthesize) -> None:
    rules = people_rules(synthesize("analysts"))
    assert {rule.get("SourceSecurityGroupId", rule.get("CidrIp")) for rule in rules} == {
        "sg-0123456789abcdef2",
        "10.1.0.0/16",
    }
    assert {(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in rules} == {(5432, 5432, "tcp")}


def test_outputs_say_how_to_connect(synthesize: Synthesize) -> None:
    template = synthesize("analysts")
    outputs = outputs_of(template)
    (database,) = template.resources("AWS::RDS::DBInstance")
    assert outputs == {
        "AnalystAccess": "from sg-0123456789abcdef2 and 10.1.0.0/16",
        "AnalystHost": {"Fn::GetAtt": [database, "Endpoint.Address"]},
        "AnalystPort": "5432",
        "AnalystResourceId": {"Fn::GetAtt": [database, "DbiResourceId"]},
        "AnalystRole": "analyst",
    }
