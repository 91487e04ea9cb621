"""What a security reviewer, an operator and the cost of a mistake ask of the templates."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from tests.infra.conftest import OWN_DATABASE, VARIANTS, Template

Synthesize = Callable[[str], Template]


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


@pytest.mark.slow
def test_cfn_lint_finds_nothing(synthesize: Synthesize) -> None:
    paths = [str(synthesize(variant).path) for variant in VARIANTS]
    finished = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), *paths], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout


# ---- delivery ----


def test_queue_numbers_follow_from_the_function(template: Template) -> None:
    queue = template.the("AWS::SQS::Queue", "Logins")
    dead_letters = template.the("AWS::SQS::Queue", "DeadLetters")
    function = template.the("AWS::Lambda::Function", "IngestFunction")
    source = template.the("AWS::Lambda::EventSourceMapping")
    window = source["MaximumBatchingWindowInSeconds"]
    assert queue["VisibilityTimeout"] == 6 * function["Timeout"] + window
    receives = queue["RedrivePolicy"]["maxReceiveCount"]
    outlived = receives * queue["VisibilityTimeout"]
    if template.variant == "no_quarantine":
        assert 30 * 60 <= outlived < 40 * 60, "a rejected message waits as long for the dead-letter queue"
    else:
        assert 12 * 3600 <= outlived < 13 * 3600
    assert dead_letters["MessageRetentionPeriod"] == 14 * 86400 > queue["MessageRetentionPeriod"] > outlived
    allowed = dead_letters["RedriveAllowPolicy"]
    assert allowed["redrivePermission"] == "byQueue"
    assert json.dumps(allowed["sourceQueueArns"]).count(str(queue["QueueName"])) == 1


def test_event_source_reports_failures_and_stays_within_the_database(template: Template) -> None:
    source = template.the("AWS::Lambda::EventSourceMapping")
    function = template.the("AWS::Lambda::Function", "IngestFunction")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["MetricsConfig"] == {"Metrics": ["EventCount"]}
    concurrency = source["ScalingConfig"]["MaximumConcurrency"]
    assert concurrency == Settings().ingest_connections // 2
    if template.variant == "throwaway":
        assert "ReservedConcurrentExecutions" not in function
    else:
        assert function["ReservedConcurrentExecutions"] >= concurrency


def test_provision_runs_after_the_database_and_before_the_event_source(template: Template) -> None:
    ((trigger_id, trigger),) = template.resources("Custom::Trigger").items()
    (source,) = template.resources("AWS::Lambda::EventSourceMapping").values()
    assert trigger_id in source["DependsOn"]
    needed = [
        *template.resources("AWS::RDS::DBInstance"),
        *template.resources("AWS::RDS::DBCluster"),
        *template.resources("AWS::EC2::VPCEndpoint"),
        *template.resources("AWS::EC2::SecurityGroupIngress"),
        *[id_ for id_ in template.resources("AWS::IAM::Policy") if "ProvisionFunction" in id_],
    ]
    proxy_only = [id_ for id_ in needed if id_.startswith(("Proxy", "DatabaseAccessfrom")) and "Proxy" in id_]
    assert set(needed) - set(proxy_only) <= set(trigger["DependsOn"])


def test_functions_are_of_the_one_bundle(template: Template) -> None:
    functions = [template.the("AWS::Lambda::Function", f"{name}Function") for name in ("Ingest", "Provision")]
    assert functions[0]["Code"] == functions[1]["Code"]
    arch = "x86_64" if template.variant == "throwaway" else "arm64"
    for function in functions:
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == [arch]
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"]["LogFormat"] == "JSON"


# ---- security ----


def test_permissions_of_the_function_are_these_and_no_more(staging: Template) -> None:
    network = {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    }
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


def key_of_queues(template: Template) -> str:
    """The logical id of the key that both queues take."""
    (key,) = {properties["KmsMasterKeyId"]["Fn::GetAtt"][0] for properties in template.properties("AWS::SQS::Queue")}
    return str(key)


def test_queues_share_a_key_only_where_it_is_asked_for(template: Template) -> None:
    keys = template.resources("AWS::KMS::Key")
    shared = VARIANTS[template.variant].get("stage") != "production"
    assert ("Storage" in key_of_queues(template)) is shared
    salt_is_theirs = "saltKeyArn" in VARIANTS[template.variant]
    assert len(keys) == 3 - shared - salt_is_theirs
    (salt,) = [item for _, item in statements_of(template) if item.get("Sid") == "EncryptSalt"]
    assert key_of_queues(template) not in json.dumps(salt)


def test_messages_are_decrypted_only_through_sqs(template: Template) -> None:
    statements = [item for _, item in statements_of(template) if item.get("Sid") == "DecryptMessages"]
    assert [json.dumps(item["Condition"]) for item in statements] == [
        '{"StringEquals": {"kms:ViaService": {"Fn::Join": ["", ["sqs.", {"Ref": "AWS::Region"}, ".amazonaws.com"]]}}}'
    ]


def test_envelope_is_told_to_the_function_and_to_no_other(template: Template) -> None:
    told = {
        id_: function["Properties"]["Environment"]["Variables"]["ENVELOPE"]
        for id_, function in template.resources("AWS::Lambda::Function").items()
        if "ENVELOPE" in function["Properties"].get("Environment", {}).get("Variables", {})
    }
    given = VARIANTS[template.variant].get("envelope")
    assert told == ({"IngestFunction": given} if given else {})


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
    # The statements of a role count only if the key's own policy leaves them to IAM.
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


def test_salt_of_another_stack_is_taken_and_outlives_a_shard(synthesize: Synthesize) -> None:
    shard = synthesize("shard")
    ((_, removal),) = shard.resources("Custom::SaltRemoval").items()
    assert removal["DeletionPolicy"] == "Retain"
    assert not [s for _, s in statements_of(shard) if "ssm:DeleteParameter" in as_list(s["Action"])]
    environments = [f.get("Environment", {}).get("Variables", {}) for f in shard.properties("AWS::Lambda::Function")]
    assert {e["SALT_PARAMETER"] for e in environments if "SALT_PARAMETER" in e} == {"/login-pipeline-one/salt"}


def test_partitions_are_by_day_where_asked_for(synthesize: Synthesize) -> None:
    for variant, by_day in (("staging", "false"), ("vault", "true")):
        functions = synthesize(variant).properties("AWS::Lambda::Function")
        environments = [function.get("Environment", {}).get("Variables", {}) for function in functions]
        assert [e["DAILY_PARTITIONS"] for e in environments if "DAILY_PARTITIONS" in e] == [by_day]


def test_wildcards_have_a_stated_reason(template: Template) -> None:
    reasoned = {"NetworkInterfaces", "NoNetworkInterfacesForCode", "-"}  # "-" is X-Ray's
    for id_, statement in statements_of(template):
        assert all("*" not in action for action in as_list(statement["Action"])), id_
        if "*" in as_list(statement["Resource"]):
            assert statement.get("Sid", "-") in reasoned, id_
            if "Sid" not in statement:
                assert all(action.startswith("xray:") for action in statement["Action"]), id_


def test_no_secret_value_is_in_the_template(template: Template) -> None:
    text = template.path.read_text(encoding="utf-8")
    assert "MasterUserPassword" not in text
    for properties in template.properties("AWS::Lambda::Function"):
        for name, value in properties.get("Environment", {}).get("Variables", {}).items():
            if "PASSWORD" in name:
                assert re.search(r"\{\{resolve:secretsmanager:", json.dumps(value)), name
    assert ("{{resolve:" in text) == (template.variant == "existing_database")


def test_everything_at_rest_is_encrypted_with_a_customer_key(template: Template) -> None:
    for kind, name in {
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::RDS::DBCluster": "KmsKeyId",
        "AWS::SecretsManager::Secret": "KmsKeyId",
    }.items():
        for properties in template.properties(kind):
            assert "SnapshotIdentifier" in properties or "Fn::GetAtt" in properties[name], kind
    for properties in template.properties("AWS::RDS::DBInstance"):
        inherited = {"DBClusterIdentifier", "DBSnapshotIdentifier"} & set(properties)
        assert inherited or properties["StorageEncrypted"] is True
    for properties in template.properties("AWS::KMS::Key"):
        assert properties["EnableKeyRotation"] is True
    for id_ in ("IngestFunction", "ProvisionFunction"):
        assert "KmsKeyArn" in template.the("AWS::Lambda::Function", id_)


def test_every_log_ends(template: Template) -> None:
    for properties in template.properties("AWS::Logs::LogGroup"):
        assert properties["RetentionInDays"] == 30
    for id_, function in template.resources("AWS::Lambda::Function").items():
        assert "LogGroup" in function["Properties"]["LoggingConfig"], f"{id_} would make a log group of its own"


def test_queues_and_topic_refuse_plain_text(template: Template) -> None:
    policies = [*template.properties("AWS::SQS::QueuePolicy"), *template.properties("AWS::SNS::TopicPolicy")]
    assert len(policies) == 3
    for policy in policies:
        assert any(
            statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for statement in policy["PolicyDocument"]["Statement"]
        )


def test_nothing_is_public_and_nothing_gets_out(template: Template) -> None:
    for kind in ("InternetGateway", "NatGateway", "EIP", "VPCGatewayAttachment"):
        assert not template.resources(f"AWS::EC2::{kind}")
    for properties in template.properties("AWS::RDS::DBInstance"):
        assert properties["PubliclyAccessible"] is False
    rules = [*template.properties("AWS::EC2::SecurityGroupIngress")]
    for group in template.properties("AWS::EC2::SecurityGroup"):
        rules += group.get("SecurityGroupIngress", [])
        for rule in group.get("SecurityGroupEgress", []):
            # The CDK's way to say "none".
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
        # boto3 calls SERVICE.REGION.amazonaws.com, which only a private name leads to the endpoint.
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


# ---- database ----


def test_database_is_safe_by_default(with_database: Template) -> None:
    aurora = "aurora" in with_database.variant
    (resource,) = with_database.resources("AWS::RDS::DBCluster" if aurora else "AWS::RDS::DBInstance").values()
    properties = resource["Properties"]
    kept = with_database.variant != "throwaway"
    assert resource["DeletionPolicy"] == ("Snapshot" if kept else "Delete")
    assert properties["DeletionProtection"] is kept
    assert properties["BackupRetentionPeriod"] == 14
    assert properties["EnableIAMDatabaseAuthentication"] is True
    if with_database.variant.startswith("restored"):
        # The snapshot brings these along, and CloudFormation refuses them.
        refused = {"DBName", "DatabaseName", "MasterUsername", "KmsKeyId", "StorageEncrypted"}
        refused |= {"AllocatedStorage", "DeleteAutomatedBackups"}
        assert not refused & set(properties)
        assert properties["SnapshotIdentifier" if aurora else "DBSnapshotIdentifier"]
    else:
        assert properties["MasterUserAuthenticationType"] == "iam-db-auth"
    assert int(properties["EngineVersion"].split(".")[0]) >= 17
    group = with_database.the("AWS::RDS::DBClusterParameterGroup" if aurora else "AWS::RDS::DBParameterGroup")
    parameters = group["Parameters"]
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["log_min_error_statement"] == "panic"
    assert parameters["log_error_verbosity"] == "terse"
    assert (parameters["log_connections"], parameters["log_disconnections"]) == ("1", "1")
    assert ("shared_preload_libraries" in parameters) is (with_database.variant == "analysts")
    assert int(parameters["max_connections"]) == 110
    assert int(parameters["max_locks_per_transaction"]) == 512
    assert properties["EngineVersion"].split(".")[0] in group["Family"]


def test_production_has_a_standby_and_an_address_for_alarms(synthesize: Synthesize) -> None:
    production = synthesize("production")
    assert production.the("AWS::RDS::DBInstance")["MultiAZ"] is True
    assert production.the("AWS::SNS::Subscription")["Endpoint"] == "on-call@example.com"


def test_aurora_scales_and_has_a_second_instance(synthesize: Synthesize) -> None:
    aurora = synthesize("aurora")
    scaling = aurora.the("AWS::RDS::DBCluster")["ServerlessV2ScalingConfiguration"]
    assert scaling == {"MinCapacity": 0.5, "MaxCapacity": 4}
    assert len(aurora.resources("AWS::RDS::DBInstance")) == 2


@pytest.mark.parametrize("variant", ["proxy", "aurora_proxy"])
def test_proxy_needs_no_secret_and_provision_goes_round_it(synthesize: Synthesize, variant: str) -> None:
    template = synthesize(variant)
    proxy = template.the("AWS::RDS::DBProxy")
    assert proxy["DefaultAuthScheme"] == "IAM_AUTH"
    assert proxy["RequireTLS"] is True
    assert proxy["DebugLogging"] is False
    assert "Auth" not in proxy
    hosts = {
        name: json.dumps(template.the("AWS::Lambda::Function", name)["Environment"]["Variables"]["PGHOST"])
        for name in ("IngestFunction", "ProvisionFunction")
    }
    assert "Proxy" in hosts["IngestFunction"]
    assert "Proxy" not in hosts["ProvisionFunction"]


def test_existing_database_leaves_out_network_and_database(synthesize: Synthesize) -> None:
    template = synthesize("existing_database")
    kinds = {resource["Type"] for resource in template.body["Resources"].values()}
    assert not [kind for kind in kinds if kind.startswith(("AWS::EC2::", "AWS::RDS::"))]
    assert "VpcConfig" not in template.the("AWS::Lambda::Function", "IngestFunction")


def test_existing_rds_database_is_reached_by_token_through_its_security_group(synthesize: Synthesize) -> None:
    template = synthesize("existing_rds")
    (statement,) = [
        item
        for id_, item in statements_of(template)
        if item.get("Sid") == "LogInToDatabase" and "IngestFunction" in id_
    ]
    assert "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ/ingest" in json.dumps(statement["Resource"])
    assert "sg-0123456789abcdef0" in {
        rule["GroupId"]
        for rule in template.properties("AWS::EC2::SecurityGroupIngress")
        if isinstance(rule["GroupId"], str)
    }


@pytest.mark.parametrize("variant", OWN_DATABASE)
def test_data_outlives_the_stack_unless_told_otherwise(synthesize: Synthesize, variant: str) -> None:
    template = synthesize(variant)
    kept = variant != "throwaway"
    for id_, key in template.resources("AWS::KMS::Key").items():
        expected = "Delete" if not kept or "KeysQueue" in id_ else "RetainExceptOnCreate"
        assert key["DeletionPolicy"] == expected, id_
    (removal,) = template.resources("Custom::SaltRemoval").values()
    assert removal["DeletionPolicy"] == ("Retain" if kept else "Delete")
    may_delete = "DeleteSalt" in actions_of(template, "SaltRemovalFunction")
    assert may_delete is not kept


# ---- watching ----


def test_every_alarm_says_what_to_do_and_tells_somebody(template: Template) -> None:
    ((topic_id, _),) = template.resources("AWS::SNS::Topic").items()
    alarms = template.properties("AWS::CloudWatch::Alarm")
    assert len(alarms) == (8 if "databaseHost" in VARIANTS[template.variant] else 12)
    for alarm in alarms:
        assert len(alarm["AlarmDescription"].split(". ")) >= 2, alarm["AlarmName"]
        assert alarm["AlarmActions"] == [{"Ref": topic_id}]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmName"].startswith("login-pipeline-")


def test_alarms_watch_what_they_should(staging: Template) -> None:
    watched = {
        alarm["AlarmName"].rsplit("-", 1)[1]: (alarm["Namespace"], alarm["MetricName"])
        for alarm in staging.properties("AWS::CloudWatch::Alarm")
    }
    assert watched == {
        "DeadLetters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        "MessagesLate": ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        "RecordsRejected": ("LoginPipeline", "RecordsRejected"),
        "RecordsFailed": ("LoginPipeline", "RecordsFailed"),
        "Errors": ("AWS/Lambda", "Errors"),
        "Throttles": ("AWS/Lambda", "Throttles"),
        "RemoverErrors": ("AWS/Lambda", "Errors"),
        "DurationNearTimeout": ("AWS/Lambda", "Duration"),
        "DatabaseCpu": ("AWS/RDS", "CPUUtilization"),
        "DatabaseConnections": ("AWS/RDS", "DatabaseConnections"),
        "DatabaseMemory": ("AWS/RDS", "FreeableMemory"),
        "DatabaseStorage": ("AWS/RDS", "FreeStorageSpace"),
    }


def test_dead_letters_alarm_watches_the_dead_letter_queue(staging: Template) -> None:
    (alarm,) = [item for item in staging.properties("AWS::CloudWatch::Alarm") if "DeadLetters" in item["AlarmName"]]
    ((id_, _),) = [item for item in staging.resources("AWS::SQS::Queue").items() if "DeadLetters" in item[0]]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [id_, "QueueName"]}}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
