"""The alarms' topic, the alarms that report to it, and the dashboard."""

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cw
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.database import Database
from infra.monitoring.alarm import Alarm
from infra.monitoring.dashboard import add_dashboard
from infra.monitoring.database_alarms import database_alarms
from infra.monitoring.metrics import OwnMetrics
from infra.monitoring.pipeline_alarms import flow_alarms, function_alarms, remover_alarm
from infra.settings import Settings


class Monitoring(Construct):
    """One encrypted topic, the alarms that report to it, and the dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        settings: Settings,
        key: kms.IKey,
        queue: sqs.IQueue,
        dead_letter_queue: sqs.IQueue,
        late_seconds: int,
        function: lambda_.IFunction,
        remover: lambda_.IFunction,
        event_source_id: str,
        database: Database | None,
        max_connections: int,
    ) -> None:
        super().__init__(scope, construct_id)
        own = OwnMetrics(service=name)
        self.topic = self._alarm_topic(name, key, settings.alarm_email)
        action = actions.SnsAction(self.topic)
        alarms = [
            *flow_alarms(own, queue, dead_letter_queue, late_seconds),
            *function_alarms(function, settings.function_timeout),
            remover_alarm(remover),
            *(database_alarms(database, max_connections, settings) if database else ()),
        ]
        add_dashboard(
            self,
            name=name,
            own=own,
            alarms=[self._alarm(name, alarm, action) for alarm in alarms],
            queue=queue,
            dead_letter_queue=dead_letter_queue,
            function=function,
            event_source_id=event_source_id,
            database=database,
        )

    def _alarm_topic(self, name: str, key: kms.IKey, email: str | None) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", display_name=f"{name} alarms", master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        if email:
            topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic

    def _alarm(self, name: str, alarm: Alarm, action: actions.SnsAction) -> cw.Alarm:
        resource = cw.Alarm(
            self,
            alarm.id,
            alarm_name=f"{name}-{alarm.id}",
            alarm_description=alarm.action,
            metric=alarm.metric,
            threshold=alarm.bound,
            comparison_operator=cw.ComparisonOperator.LESS_THAN_THRESHOLD
            if alarm.below
            else cw.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=alarm.periods,
            treat_missing_data=cw.TreatMissingData.NOT_BREACHING,
        )
        resource.add_alarm_action(action)
        resource.add_ok_action(action)
        return resource
