"""The services of AWS that put events on the queue: an SNS topic or an EventBridge bus."""

from collections.abc import Mapping

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.settings import Settings

# SQS uses the queue's key with the permissions of the sending service.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
KEY_ACTIONS = ["kms:Decrypt", "kms:GenerateDataKey"]

Conditions = Mapping[str, Mapping[str, str]]


class Upstream(Construct):
    """The subscription of `queue` to a topic, or the rule that sends a bus's events to it, and the send permission."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        name: str,
        queue: sqs.Queue,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._queue, self._key = queue, key
        if settings.sns_topic_arn:
            self._subscribe(settings.sns_topic_arn, raw=settings.envelope != "sns")
        if settings.event_bus_name:
            self._take_events(name, settings.event_bus_name, settings.event_detail_type)

    def _subscribe(self, topic_arn: str, *, raw: bool) -> None:
        # https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
        of_topic = {"ArnEquals": {"aws:SourceArn": topic_arn}}
        self._allow("sns.amazonaws.com", "Topic", queue_condition=of_topic, key_condition=of_topic)
        subscription = sns.CfnSubscription(
            self,
            "Subscription",
            topic_arn=topic_arn,
            region=topic_arn.split(":")[3],  # The topic may be in a different region from the stack.
            protocol="sqs",
            endpoint=self._queue.queue_arn,
            raw_message_delivery=raw,
        )
        self._after_policy(subscription)

    def _take_events(self, name: str, bus: str, detail_type: str | None) -> None:
        rule_name = f"{name}-logins"
        everything = {"source": [{"prefix": ""}]}
        rule = events.CfnRule(
            self,
            "Rule",
            name=rule_name,
            description="Sends login events to the queue of the login pipeline",
            event_bus_name=bus,
            event_pattern={"detail-type": [detail_type]} if detail_type else everything,
            targets=[events.CfnRule.TargetProperty(id="Queue", arn=self._queue.queue_arn)],
        )
        # The ARN is built from names, so that the policies do not depend on the rule: they have to exist before it.
        path = rule_name if bus == "default" else f"{bus}/{rule_name}"
        rule_arn = Stack.of(self).format_arn(
            service="events", resource="rule", resource_name=path, arn_format=ArnFormat.SLASH_RESOURCE_NAME
        )
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions
        self._allow(
            "events.amazonaws.com",
            "Bus",
            queue_condition={"ArnEquals": {"aws:SourceArn": rule_arn}},
            # AWS documents no rule ARN as a condition for a target's key. The CDK's own target also uses the account.
            # https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_events_targets.SqsQueue.html
            key_condition={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
        self._after_policy(rule)

    def _allow(self, service: str, label: str, *, queue_condition: Conditions, key_condition: Conditions) -> None:
        self._queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"{label}MaySend",
                principals=[iam.ServicePrincipal(service)],
                actions=["sqs:SendMessage"],
                resources=[self._queue.queue_arn],
                conditions=queue_condition,
            )
        )
        self._key.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"{label}MayEncrypt",
                principals=[iam.ServicePrincipal(service)],
                actions=KEY_ACTIONS,
                resources=["*"],  # in a key policy: this key
                conditions=key_condition,
            )
        )

    def _after_policy(self, sender: Construct) -> None:
        """Makes the sender depend on its permission: EventBridge drops an event after a day of refusals."""
        policy = self._queue.node.find_child("Policy")
        sender.node.add_dependency(policy)
