"""The dashboard: throughput, delay, failures and capacity."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cw
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.database import Database
from infra.monitoring.metrics import MINUTES_1, MINUTES_5, OwnMetrics, database_metric


def add_dashboard(
    scope: Construct,
    *,
    name: str,
    own: OwnMetrics,
    alarms: Sequence[cw.IAlarm],
    queue: sqs.IQueue,
    dead_letter_queue: sqs.IQueue,
    function: lambda_.IFunction,
    event_source_id: str,
    database: Database | None,
) -> None:
    """Add the one dashboard of the stack."""
    dashboard = cw.Dashboard(scope, "Dashboard", dashboard_name=name)
    dashboard.add_widgets(cw.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24, height=4))
    dashboard.add_widgets(
        _graph(
            "Is it flowing? Messages sent, received by the function, written",
            [
                queue.metric_number_of_messages_sent(period=MINUTES_5),
                own("RecordsReceived"),
                own("RecordsWritten"),
                own("DuplicatesIgnored"),
            ],
        ),
        _graph(
            "Is it late? Age of the oldest message (s), messages waiting and in flight",
            [queue.metric_approximate_age_of_oldest_message(period=MINUTES_1, statistic="Maximum")],
            [
                queue.metric_approximate_number_of_messages_visible(period=MINUTES_1),
                queue.metric_approximate_number_of_messages_not_visible(period=MINUTES_1),
            ],
        ),
    )
    dashboard.add_widgets(
        _graph(
            "Is anything bad? Rejected, failed, dead letters, unknown fields",
            [
                own("RecordsRejected"),
                own("RecordsFailed"),
                own("UnknownFields"),
                dead_letter_queue.metric_approximate_number_of_messages_visible(period=MINUTES_1, statistic="Maximum"),
            ],
        ),
        _graph(
            "The function: time of a write and of an invocation (ms, p99), errors, throttles, concurrency",
            [own("WriteMilliseconds", "p99"), function.metric_duration(statistic="p99")],
            [
                function.metric_errors(period=MINUTES_5),
                function.metric_throttles(period=MINUTES_5),
                function.metric("ConcurrentExecutions", statistic="Maximum", period=MINUTES_5),
            ],
        ),
    )
    source = _graph(
        "The event source: messages polled, handed over, failed to be handed over",
        [
            _polled(event_source_id, "PolledEventCount"),
            _polled(event_source_id, "InvokedEventCount"),
            _polled(event_source_id, "FailedInvokeEventCount"),
        ],
    )
    if database is None:
        dashboard.add_widgets(source)
        return
    space = "ServerlessDatabaseCapacity" if database.kind == "aurora" else "FreeStorageSpace"
    dashboard.add_widgets(
        _graph(
            "Is the database full? CPU (%), connections; space left or capacity",
            [database_metric(database, "CPUUtilization"), database_metric(database, "DatabaseConnections", "Maximum")],
            [database_metric(database, space)],
        ),
        source,
    )


def _graph(title: str, left: Sequence[cw.IMetric], right: Sequence[cw.IMetric] = ()) -> cw.GraphWidget:
    return cw.GraphWidget(title=title, left=list(left), right=list(right), width=12, height=6)


def _polled(event_source_id: str, metric_name: str) -> cw.Metric:
    return cw.Metric(
        namespace="AWS/Lambda",
        metric_name=metric_name,
        dimensions_map={"EventSourceMappingUUID": event_source_id},
        statistic="Sum",
        period=MINUTES_5,
    )
