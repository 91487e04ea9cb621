"""The whole template: cfn-lint, the queue, the event source and the functions."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.infra.conftest import VARIANTS, Synthesize, Template
from tests.infra.statements import as_list, statements_of


@pytest.mark.slow
def test_cfn_lint_finds_nothing(synthesize: Synthesize) -> None:
    paths = [str(synthesize(variant).path) for variant in VARIANTS]
    finished = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), *paths], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout


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


def test_envelope_is_told_to_the_function_and_to_no_other(template: Template) -> None:
    told = {
        id_: function["Properties"]["Environment"]["Variables"]["ENVELOPE"]
        for id_, function in template.resources("AWS::Lambda::Function").items()
        if "ENVELOPE" in function["Properties"].get("Environment", {}).get("Variables", {})
    }
    given = VARIANTS[template.variant].get("envelope")
    assert told == ({"IngestFunction": given} if given else {})


def test_salt_of_another_stack_is_taken_and_outlives_a_shard(synthesize: Synthesize) -> None:
    shard = synthesize("shard")
    ((_, removal),) = shard.resources("Custom::SaltRemoval").items()
    assert removal["DeletionPolicy"] == "Retain"
    assert not [s for _, s in statements_of(shard) if "ssm:DeleteParameter" in as_list(s["Action"])]
    environments = [f.get("Environment", {}).get("Variables", {}) for f in shard.properties("AWS::Lambda::Function")]
    assert {e["SALT_PARAMETER"] for e in environments if "SALT_PARAMETER" in e} == {"/login-pipeline-one/salt"}


def test_every_log_ends(template: Template) -> None:
    for properties in template.properties("AWS::Logs::LogGroup"):
        assert properties["RetentionInDays"] == 30
    for id_, function in template.resources("AWS::Lambda::Function").items():
        assert "LogGroup" in function["Properties"]["LoggingConfig"], f"{id_} would make a log group of its own"
