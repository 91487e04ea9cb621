"""The network access of the functions, and who can reach them."""

import json
from typing import Any

from tests.infra.conftest import Synthesize, Template


def test_nothing_is_public_and_nothing_gets_out(template: Template) -> None:
    for kind in ("InternetGateway", "NatGateway", "EIP", "VPCGatewayAttachment"):
        assert not template.resources(f"AWS::EC2::{kind}")
    for properties in template.properties("AWS::RDS::DBInstance"):
        assert properties["PubliclyAccessible"] is False
    rules = [*template.properties("AWS::EC2::SecurityGroupIngress")]
    for group in template.properties("AWS::EC2::SecurityGroup"):
        rules += group.get("SecurityGroupIngress", [])
        for rule in group.get("SecurityGroupEgress", []):
            # The CDK writes "none" like this.
            assert rule["CidrIp"] == "255.255.255.255/32"
    for rule in rules:
        if template.variant != "analysts":
            assert "SourceSecurityGroupId" in rule, rule
    assert {rule["FromPort"] for rule in rules} <= {443, 5432}


def role_of(template: Template, function: str) -> dict[str, Any]:
    role: dict[str, Any] = template.the("AWS::Lambda::Function", function)["Role"]
    return role


def test_ssm_endpoint_admits_three_roles_to_one_parameter(staging: Template) -> None:
    (statement,) = staging.the("AWS::EC2::VPCEndpoint", "Ssm")["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter"]
    assert "parameter/login-pipeline-staging/salt" in json.dumps(statement["Resource"])
    assert statement["Condition"] == {
        "ArnEquals": {
            "aws:PrincipalArn": [role_of(staging, f"{name}Function") for name in ("Provision", "Ingest", "Masker")]
        },
        "StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}},
    }


def test_sqs_endpoint_admits_one_role_to_send_to_the_dead_letter_queue(staging: Template) -> None:
    (dead_letters,) = [id_ for id_ in staging.resources("AWS::SQS::Queue") if "DeadLetters" in id_]
    assert staging.the("AWS::EC2::VPCEndpoint", "Sqs")["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "sqs:SendMessage",
            "Resource": {"Fn::GetAtt": [dead_letters, "Arn"]},
            "Condition": {
                "ArnEquals": {"aws:PrincipalArn": [role_of(staging, "IngestFunction")]},
                "StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}},
            },
        }
    ]


def test_endpoints_are_those_that_the_code_needs(template: Template) -> None:
    endpoints = template.properties("AWS::EC2::VPCEndpoint")
    expected = {"ssm", "sqs"}
    if template.variant == "no_quarantine":
        expected = {"ssm"}
    if template.variant in {"existing_vpc", "existing_database"}:
        expected = set()
    assert {endpoint["ServiceName"]["Fn::Join"][1][-1].lstrip(".") for endpoint in endpoints} == expected
    groups = [json.dumps(endpoint["SecurityGroupIds"]) for endpoint in endpoints]
    assert len(set(groups)) == len(endpoints)
    for endpoint in endpoints:
        # boto3 calls SERVICE.REGION.amazonaws.com, and only a private name resolves that to the endpoint.
        assert endpoint["PrivateDnsEnabled"] is True
        assert endpoint["VpcEndpointType"] == "Interface"
        assert len(endpoint["SubnetIds"]) == (1 if template.variant not in {"production", "analysts"} else 2)


def test_functions_reach_database_and_endpoints_and_nothing_else(template: Template) -> None:
    rules = [
        (rule["Description"], rule["FromPort"], rule["ToPort"])
        for rule in template.properties("AWS::EC2::SecurityGroupEgress")
        if "NetworkFunctions" in json.dumps(rule["GroupId"])
    ]
    expected = {("functions to the database", 5432, 5432)}
    if template.variant == "existing_vpc":
        expected |= {("functions to the endpoints", 443, 443)}
    else:
        expected |= {("the salt, from SSM", 443, 443), ("rejected messages, to SQS", 443, 443)}
    if template.variant == "no_quarantine":
        expected -= {("rejected messages, to SQS", 443, 443)}
    assert set(rules) == (set() if template.variant == "existing_database" else expected)
    for rule in template.properties("AWS::EC2::SecurityGroupEgress"):
        assert "DestinationSecurityGroupId" in rule, rule


def test_endpoints_of_an_existing_vpc_let_the_functions_in(synthesize: Synthesize) -> None:
    template = synthesize("existing_vpc")
    for kind, group in (("Egress", "DestinationSecurityGroupId"), ("Ingress", "GroupId")):
        rules = template.properties(f"AWS::EC2::SecurityGroup{kind}")
        assert [rule["FromPort"] for rule in rules if rule[group] == "sg-0123456789abcdef1"] == [443], kind
