"""The database of each variant, and the resources that remain after the stack is deleted."""

import json

import pytest

from tests.infra.conftest import OWN_DATABASE, Synthesize, Template
from tests.infra.statements import actions_of, statements_of


def test_partitions_are_by_day_where_asked_for(synthesize: Synthesize) -> None:
    for variant, by_day in (("staging", "false"), ("vault", "true")):
        functions = synthesize(variant).properties("AWS::Lambda::Function")
        environments = [function.get("Environment", {}).get("Variables", {}) for function in functions]
        assert [e["DAILY_PARTITIONS"] for e in environments if "DAILY_PARTITIONS" in e] == [by_day]


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
        # The snapshot defines these, so CloudFormation refuses them.
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
