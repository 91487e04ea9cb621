"""Keys and secrets: all data is encrypted, and no secret is in a template."""

import json
import re

from tests.infra.conftest import VARIANTS, Template
from tests.infra.statements import key_of_queues, statements_of


def test_queues_share_a_key_only_where_it_is_asked_for(template: Template) -> None:
    keys = template.resources("AWS::KMS::Key")
    shared = VARIANTS[template.variant].get("stage") != "production"
    assert ("Storage" in key_of_queues(template)) is shared
    salt_is_theirs = "saltKeyArn" in VARIANTS[template.variant]
    assert len(keys) == 3 - shared - salt_is_theirs
    (salt,) = [item for _, item in statements_of(template) if item.get("Sid") == "EncryptSalt"]
    assert key_of_queues(template) not in json.dumps(salt)


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


def test_queues_and_topic_refuse_plain_text(template: Template) -> None:
    policies = [*template.properties("AWS::SQS::QueuePolicy"), *template.properties("AWS::SNS::TopicPolicy")]
    assert len(policies) == 3
    for policy in policies:
        assert any(
            statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for statement in policy["PolicyDocument"]["Statement"]
        )
