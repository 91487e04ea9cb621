"""A topic or an event bus feeds the queue. Only it may send to the queue and use the key of the queue."""

import json
from typing import Any

import pytest
from aws_cdk import App

from infra.app import declare
from tests.infra.conftest import VARIANTS, Synthesize, Template

TOPIC = VARIANTS["no_quarantine"]["snsTopicArn"]
MAY_SEND = {"TopicMaySend": "no_quarantine", "BusMaySend": "eventbridge"}


def statements(template: Template, kind: str, document: str, sid: str) -> list[dict[str, Any]]:
    return [
        statement
        for properties in template.properties(kind)
        for statement in properties[document]["Statement"]
        if statement.get("Sid") == sid
    ]


def test_topic_delivers_with_its_envelope(synthesize: Synthesize) -> None:
    template = synthesize("no_quarantine")
    subscription = template.the("AWS::SNS::Subscription")
    (queue,) = [id_ for id_ in template.resources("AWS::SQS::Queue") if "Logins" in id_]
    assert subscription == {
        "Protocol": "sqs",
        "TopicArn": TOPIC,
        "Region": "eu-central-1",
        "Endpoint": {"Fn::GetAtt": [queue, "Arn"]},
        "RawMessageDelivery": False,
    }


def test_topic_delivers_raw_without_its_envelope(tmp_path: Any) -> None:
    app = App(context={"snsTopicArn": TOPIC, "stage": "raw"}, outdir=str(tmp_path))
    stack = declare(app)
    app.synth()
    assert Template("raw", tmp_path / stack.template_file).the("AWS::SNS::Subscription")["RawMessageDelivery"] is True


def test_rule_sends_the_whole_event_to_the_queue(synthesize: Synthesize) -> None:
    template = synthesize("eventbridge")
    (rule,) = [each for each in template.properties("AWS::Events::Rule") if "EventPattern" in each]
    (queue,) = [id_ for id_ in template.resources("AWS::SQS::Queue") if "Logins" in id_]
    assert rule["EventBusName"] == "logins"
    assert rule["EventPattern"] == {"detail-type": ["UserLoggedIn"]}
    assert rule["Targets"] == [{"Id": "Queue", "Arn": {"Fn::GetAtt": [queue, "Arn"]}}]


def test_service_may_send_only_for_this_topic_or_rule(synthesize: Synthesize) -> None:
    (topic,) = statements(synthesize("no_quarantine"), "AWS::SQS::QueuePolicy", "PolicyDocument", "TopicMaySend")
    assert topic["Principal"] == {"Service": "sns.amazonaws.com"}
    assert topic["Condition"] == {"ArnEquals": {"aws:SourceArn": TOPIC}}
    (bus,) = statements(synthesize("eventbridge"), "AWS::SQS::QueuePolicy", "PolicyDocument", "BusMaySend")
    assert bus["Principal"] == {"Service": "events.amazonaws.com"}
    arn = json.dumps(bus["Condition"]["ArnEquals"]["aws:SourceArn"])
    assert arn.endswith(':rule/logins/login-pipeline-staging-logins"]]}')
    assert {topic["Action"], bus["Action"]} == {"sqs:SendMessage"}


@pytest.mark.parametrize(
    ("variant", "sid", "condition"),
    [
        ("no_quarantine", "TopicMayEncrypt", {"ArnEquals": {"aws:SourceArn": TOPIC}}),
        ("eventbridge", "BusMayEncrypt", {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}),
    ],
)
def test_service_may_use_the_key_of_the_queues(
    synthesize: Synthesize, variant: str, sid: str, condition: dict[str, Any]
) -> None:
    (statement,) = statements(synthesize(variant), "AWS::KMS::Key", "KeyPolicy", sid)
    assert sorted(statement["Action"]) == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert statement["Condition"] == condition


@pytest.mark.parametrize("variant", MAY_SEND.values())
def test_nothing_is_sent_before_it_may(synthesize: Synthesize, variant: str) -> None:
    template = synthesize(variant)
    (policy,) = [id_ for id_ in template.resources("AWS::SQS::QueuePolicy") if "QueueLogins" in id_]
    (sender,) = [
        resource
        for kind in ("AWS::SNS::Subscription", "AWS::Events::Rule")
        for id_, resource in template.resources(kind).items()
        if id_.startswith("Upstream")
    ]
    assert policy in sender["DependsOn"]


def test_no_other_stack_lets_a_service_send(template: Template) -> None:
    found = {sid for sid in MAY_SEND if statements(template, "AWS::SQS::QueuePolicy", "PolicyDocument", sid)}
    assert found == {sid for sid, variant in MAY_SEND.items() if variant == template.variant}
