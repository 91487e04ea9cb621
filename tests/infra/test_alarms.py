"""The alarms, and the topic that they notify."""

from tests.infra.conftest import VARIANTS, Synthesize, Template


def test_production_has_a_standby_and_an_address_for_alarms(synthesize: Synthesize) -> None:
    production = synthesize("production")
    assert production.the("AWS::RDS::DBInstance")["MultiAZ"] is True
    assert production.the("AWS::SNS::Subscription")["Endpoint"] == "on-call@example.com"


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
