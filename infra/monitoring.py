"""Alarms that say what to do, and a dashboard that answers: is it flowing, late, bad, full?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cw
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

# What the function emits, under the one dimension `service`.
NAMESPACE = "LoginPipeline"
MINUTES_5 = Duration.minutes(5)
GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm: its id, the metric, the bound, and the sentence that says what it means and what to do."""

    id: str
    metric: cw.IMetric
    bound: float
    periods: int = 1
    below: bool = False
    action: str = field()


class Monitoring(Construct):
    """One encrypted topic, the alarms that report to it, and the dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        service: str,
        email: str | None,
        key: kms.IKey,
        queue: sqs.IQueue,
        dead_letter_queue: sqs.IQueue,
        late_seconds: int,
        function: lambda_.IFunction,
        function_timeout_seconds: int,
        operator: lambda_.IFunction,
        event_source_id: str,
        database_kind: str | None,
        database_identifier: str,
        max_connections: int,
        storage_gib: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._service = service
        self._database_kind = database_kind
        self._database_identifier = database_identifier
        self.topic = self._alarm_topic(name, key, email)
        action = actions.SnsAction(self.topic)
        alarms = [
            *self._flow_alarms(queue, dead_letter_queue, late_seconds),
            *self._function_alarms(function, function_timeout_seconds),
            self._operator_alarm(operator),
            *self._database_alarms(max_connections, storage_gib),
        ]
        self._alarms = {alarm.id: self._alarm(name, alarm, action) for alarm in alarms}
        self._dashboard(name, queue, dead_letter_queue, function, event_source_id)

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

    def own_metric(self, metric_name: str, statistic: str = "Sum", **dimensions: str) -> cw.Metric:
        """Return a metric that the function emits itself."""
        return cw.Metric(
            namespace=NAMESPACE,
            metric_name=metric_name,
            dimensions_map={"service": self._service, **dimensions},
            statistic=statistic,
            period=MINUTES_5,
        )

    def _database_metric(self, metric_name: str, statistic: str = "Average") -> cw.Metric:
        dimension = "DBClusterIdentifier" if self._database_kind == "aurora" else "DBInstanceIdentifier"
        return cw.Metric(
            namespace="AWS/RDS",
            metric_name=metric_name,
            dimensions_map={dimension: self._database_identifier},
            statistic=statistic,
            period=MINUTES_5,
        )

    def _flow_alarms(self, queue: sqs.IQueue, dead_letter_queue: sqs.IQueue, late_seconds: int) -> Sequence[Alarm]:
        return [
            Alarm(
                id="DeadLetters",
                metric=dead_letter_queue.metric_approximate_number_of_messages_visible(
                    period=Duration.minutes(1), statistic="Maximum"
                ),
                bound=1,
                action="Messages were rejected or given up. Read the reason in their attributes or in rejected_logins "
                "(an outage leaves none), mend producer or function, and redrive them within 14 days of their sending.",
            ),
            Alarm(
                id="MessagesLate",
                metric=queue.metric_approximate_age_of_oldest_message(period=Duration.minutes(1), statistic="Maximum"),
                bound=late_seconds,
                periods=5,
                action="Messages wait too long. Look whether the function fails (RecordsFailed, Errors), is held back "
                "(Throttles) or the database is slow; nothing is lost while the queue keeps them (7 days).",
            ),
            Alarm(
                id="RecordsRejected",
                metric=self.own_metric("RecordsRejected"),
                bound=1,
                action="Messages break the contract. Query rejected_logins by reason and field, and tell the producer.",
            ),
            Alarm(
                id="RecordsFailed",
                metric=self.own_metric("RecordsFailed"),
                bound=1,
                periods=2,
                action="Good messages cannot be written and are retried. Look at the database (is it up, full, failing "
                "over, out of connections?) and at the function's log, which names the SQLSTATE.",
            ),
        ]

    def _function_alarms(self, function: lambda_.IFunction, timeout_seconds: int) -> Sequence[Alarm]:
        return [
            Alarm(
                id="Errors",
                metric=function.metric_errors(period=MINUTES_5),
                bound=1,
                action="Whole invocations fail: a set-up is broken (settings, salt, log-in, privileges, schema) or "
                "time or memory ran out. The function's log says which.",
            ),
            Alarm(
                id="Throttles",
                metric=function.metric_throttles(period=MINUTES_5),
                bound=1,
                periods=3,
                action="Lambda refuses to run the function. Check the account's concurrency quota and the function's "
                "reserved concurrency, which must not be below the event source's maximum.",
            ),
            Alarm(
                id="DurationNearTimeout",
                metric=function.metric_duration(period=MINUTES_5, statistic="p99"),
                bound=0.8 * timeout_seconds * 1000,
                periods=3,
                action="Batches take nearly as long as they may. Look for locks and load in the database; lower "
                "batchSize or raise functionTimeout.",
            ),
        ]

    def _operator_alarm(self, operator: lambda_.IFunction) -> Alarm:
        return Alarm(
            id="OperatorErrors",
            metric=operator.metric_errors(period=MINUTES_5),
            bound=1,
            action="An operator's command, or the scheduled upkeep or retention, failed. The operator function's log "
            "says which; without upkeep, the partitions of the coming months run out in a year.",
        )

    def _database_alarms(self, max_connections: int, storage_gib: int) -> Sequence[Alarm]:
        if self._database_kind is None:  # an existing database is watched by whoever owns it
            return []
        alarms = [
            Alarm(
                id="DatabaseCpu",
                metric=self._database_metric("CPUUtilization"),
                bound=80,
                periods=6,
                action="The database has been busy for half an hour. Look for expensive queries of analysts; take a "
                "larger instanceClass (or maxCapacity).",
            ),
            Alarm(
                id="DatabaseConnections",
                metric=self._database_metric("DatabaseConnections", "Maximum"),
                bound=0.8 * max_connections,
                periods=3,
                action="Most connections are taken. Find who holds them in pg_stat_activity; the pipeline itself stays "
                "within ingestConnections.",
            ),
            Alarm(
                id="DatabaseMemory",
                metric=self._database_metric("FreeableMemory", "Minimum"),
                bound=0.15 * GIB,
                periods=3,
                below=True,
                action="The database is short of memory. Look for large sorts of analysts; take a larger instanceClass "
                "(or maxCapacity).",
            ),
        ]
        if self._database_kind == "aurora":
            alarms.append(
                Alarm(
                    id="DatabaseCapacity",
                    metric=self._database_metric("ACUUtilization", "Maximum"),
                    bound=90,
                    periods=6,
                    action="Aurora has run at its highest capacity for half an hour. Raise maxCapacity.",
                )
            )
        else:
            alarms.append(
                Alarm(
                    id="DatabaseStorage",
                    metric=self._database_metric("FreeStorageSpace", "Minimum"),
                    bound=0.1 * storage_gib * GIB,
                    periods=6,
                    below=True,
                    action="The storage is nearly full and has not grown by itself. Raise maxStorageGib, or archive "
                    "old months.",
                )
            )
        return alarms

    def _dashboard(
        self,
        name: str,
        queue: sqs.IQueue,
        dead_letter_queue: sqs.IQueue,
        function: lambda_.IFunction,
        event_source_id: str,
    ) -> None:
        def graph(title: str, left: Sequence[cw.IMetric], right: Sequence[cw.IMetric] = ()) -> cw.GraphWidget:
            return cw.GraphWidget(title=title, left=list(left), right=list(right), width=12, height=6)

        def polled(metric_name: str) -> cw.Metric:
            dimensions: Mapping[str, str] = {"EventSourceMappingUUID": event_source_id}
            return cw.Metric(
                namespace="AWS/Lambda",
                metric_name=metric_name,
                dimensions_map=dimensions,
                statistic="Sum",
                period=MINUTES_5,
            )

        dashboard = cw.Dashboard(self, "Dashboard", dashboard_name=name)
        dashboard.add_widgets(
            cw.AlarmStatusWidget(title="Alarms", alarms=list(self._alarms.values()), width=24, height=4)
        )
        dashboard.add_widgets(
            graph(
                "Is it flowing? Messages sent, received by the function, written",
                [
                    queue.metric_number_of_messages_sent(period=MINUTES_5),
                    self.own_metric("RecordsReceived"),
                    self.own_metric("RecordsWritten"),
                    self.own_metric("DuplicatesIgnored"),
                ],
            ),
            graph(
                "Is it late? Age of the oldest message (s), messages waiting and in flight",
                [queue.metric_approximate_age_of_oldest_message(period=Duration.minutes(1), statistic="Maximum")],
                [
                    queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(1)),
                    queue.metric_approximate_number_of_messages_not_visible(period=Duration.minutes(1)),
                ],
            ),
        )
        dashboard.add_widgets(
            graph(
                "Is anything bad? Rejected, failed, dead letters, unknown fields",
                [
                    self.own_metric("RecordsRejected"),
                    self.own_metric("RecordsFailed"),
                    self.own_metric("UnknownFields"),
                    dead_letter_queue.metric_approximate_number_of_messages_visible(
                        period=Duration.minutes(1), statistic="Maximum"
                    ),
                ],
            ),
            graph(
                "The function: time of a write and of an invocation (ms, p99), errors, throttles, concurrency",
                [self.own_metric("WriteMilliseconds", "p99"), function.metric_duration(statistic="p99")],
                [
                    function.metric_errors(period=MINUTES_5),
                    function.metric_throttles(period=MINUTES_5),
                    function.metric("ConcurrentExecutions", statistic="Maximum", period=MINUTES_5),
                ],
            ),
        )
        source = graph(
            "The event source: messages polled, handed over, failed to be handed over",
            [polled("PolledEventCount"), polled("InvokedEventCount"), polled("FailedInvokeEventCount")],
        )
        if self._database_kind is None:
            dashboard.add_widgets(source)
            return
        space = "ServerlessDatabaseCapacity" if self._database_kind == "aurora" else "FreeStorageSpace"
        dashboard.add_widgets(
            graph(
                "Is the database full? CPU (%), connections; space left or capacity",
                [self._database_metric("CPUUtilization"), self._database_metric("DatabaseConnections", "Maximum")],
                [self._database_metric(space)],
            ),
            source,
        )
