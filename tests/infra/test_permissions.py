"""What each function may do, and nothing more."""

import json

from tests.iam.platform import NETWORK_INTERFACES
from tests.infra.conftest import Template
from tests.infra.statements import actions_of, as_list, key_of_queues, statements_of


def test_permissions_of_the_function_are_these_and_no_more(staging: Template) -> None:
    network = set(NETWORK_INTERFACES)
    assert actions_of(staging, "IngestFunction") == {
        "WriteOwnLog": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "NetworkInterfaces": network,
        "NoNetworkInterfacesForCode": network,
        "LogInToDatabase": {"rds-db:connect"},
        "ReadSalt": {"ssm:GetParameter"},
        "DecryptSalt": {"kms:Decrypt"},
        "PollQueue": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
        "DecryptMessages": {"kms:Decrypt"},
        "SendToQuarantine": {"sqs:SendMessage"},
        "EncryptForQuarantine": {"kms:GenerateDataKey", "kms:Decrypt"},
        "-": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    }
    assert actions_of(staging, "ProvisionFunction") == {
        "WriteOwnLog": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "NetworkInterfaces": network,
        "NoNetworkInterfacesForCode": network,
        "LogInToDatabase": {"rds-db:connect"},
        "CreateSalt": {"ssm:PutParameter"},
        "EncryptSalt": {"kms:Encrypt"},
        "ReadSalt": {"ssm:GetParameter"},
        "DecryptSalt": {"kms:Decrypt"},
        "-": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    }


def test_messages_are_decrypted_only_through_sqs(template: Template) -> None:
    statements = [item for _, item in statements_of(template) if item.get("Sid") == "DecryptMessages"]
    assert [json.dumps(item["Condition"]) for item in statements] == [
        '{"StringEquals": {"kms:ViaService": {"Fn::Join": ["", ["sqs.", {"Ref": "AWS::Region"}, ".amazonaws.com"]]}}}'
    ]


def test_quarantine_may_send_to_the_dead_letter_queue_and_nothing_else(template: Template) -> None:
    environments = {
        id_: function["Properties"].get("Environment", {}).get("Variables", {})
        for id_, function in template.resources("AWS::Lambda::Function").items()
    }
    statements = [
        (id_, statement)
        for id_, statement in statements_of(template)
        if {"sqs:SendMessage", "kms:GenerateDataKey"} & set(as_list(statement["Action"]))
    ]
    if template.variant == "no_quarantine":
        assert not statements
        assert not any("DLQ_URL" in variables for variables in environments.values())
        return
    (dead_letters,) = [id_ for id_ in template.resources("AWS::SQS::Queue") if "DeadLetters" in id_]
    queue_key = key_of_queues(template)
    assert [id_ for id_, variables in environments.items() if "DLQ_URL" in variables] == ["IngestFunction"]
    assert environments["IngestFunction"]["DLQ_URL"] == {"Ref": dead_letters}
    assert all("IngestFunction" in id_ for id_, _ in statements)
    assert [statement for _, statement in statements] == [
        {
            "Sid": "SendToQuarantine",
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Resource": {"Fn::GetAtt": [dead_letters, "Arn"]},
        },
        {
            "Sid": "EncryptForQuarantine",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": {"Fn::GetAtt": [queue_key, "Arn"]},
            "Condition": {
                "StringEquals": {
                    "kms:ViaService": {"Fn::Join": ["", ["sqs.", {"Ref": "AWS::Region"}, ".amazonaws.com"]]}
                }
            },
        },
    ]
    # Statements of roles count only if the policy of the key delegates to IAM.
    policy = template.the("AWS::KMS::Key", queue_key)["KeyPolicy"]["Statement"][0]
    assert (policy["Effect"], policy["Action"]) == ("Allow", "kms:*")
    assert json.dumps(policy["Principal"]).endswith('":root"]]}}')


def test_functions_log_in_as_one_role_each(with_database: Template) -> None:
    for function, user in (("IngestFunction", "ingest"), ("ProvisionFunction", "pipeline_owner")):
        (statement,) = [
            statement
            for id_, statement in statements_of(with_database)
            if function in id_ and statement.get("Sid") == "LogInToDatabase"
        ]
        assert statement["Resource"]["Fn::Join"][1][-1] == f"/{user}"
        environment = with_database.the("AWS::Lambda::Function", function)["Environment"]["Variables"]
        assert environment["PGUSER"] == user
        assert environment["DB_IAM_AUTH"] == "true"
        assert environment["PGSSLMODE"] == "verify-full"
        assert environment["PGSSLROOTCERT"] == "/var/task/database-ca.pem"
        assert "PGPASSWORD" not in environment


def test_salt_is_never_overwritten_and_only_decrypted_through_ssm(template: Template) -> None:
    statements = {statement["Sid"]: statement for _, statement in statements_of(template) if "Sid" in statement}
    assert statements["CreateSalt"]["Condition"] == {"StringEquals": {"ssm:Overwrite": "false"}}
    for sid in ("DecryptSalt", "EncryptSalt"):
        condition = statements[sid]["Condition"]["StringEquals"]
        assert set(condition) == {"kms:ViaService", "kms:EncryptionContext:PARAMETER_ARN"}


def test_wildcards_have_a_stated_reason(template: Template) -> None:
    reasoned = {"NetworkInterfaces", "NoNetworkInterfacesForCode", "-"}  # "-" is the statement for X-Ray
    for id_, statement in statements_of(template):
        assert all("*" not in action for action in as_list(statement["Action"])), id_
        if "*" in as_list(statement["Resource"]):
            assert statement.get("Sid", "-") in reasoned, id_
            if "Sid" not in statement:
                assert all(action.startswith("xray:") for action in statement["Action"]), id_
