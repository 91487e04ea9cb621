"""The alarms of queues and functions."""

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from infra.monitoring.alarm import Alarm
from infra.monitoring.metrics import MINUTES_1, MINUTES_5, OwnMetrics


def flow_alarms(
    own: OwnMetrics, queue: sqs.IQueue, dead_letter_queue: sqs.IQueue, late_seconds: int
) -> Sequence[Alarm]:
    """Return the alarms of the queues and the message flow."""
    return [
        Alarm(
            id="DeadLetters",
            metric=dead_letter_queue.metric_approximate_number_of_messages_visible(
                period=MINUTES_1, statistic="Maximum"
            ),
            bound=1,
            action="Messages were rejected or failed too often. Read the reason in their attributes or in "
            "rejected_logins (messages of an outage have none), correct producer or function, and redrive them within "
            "14 days after they were sent.",
        ),
        Alarm(
            id="MessagesLate",
            metric=queue.metric_approximate_age_of_oldest_message(period=MINUTES_1, statistic="Maximum"),
            bound=late_seconds,
            periods=5,
            action="Messages wait too long. Check whether the function fails (RecordsFailed, Errors) or is throttled "
            "(Throttles), or whether the database is slow. Nothing is lost while the queue keeps them (7 days).",
        ),
        Alarm(
            id="RecordsRejected",
            metric=own("RecordsRejected"),
            bound=1,
            action="Messages break the contract. Query rejected_logins by reason and field, and tell the producer.",
        ),
        Alarm(
            id="RecordsFailed",
            metric=own("RecordsFailed"),
            bound=1,
            periods=2,
            action="Good messages cannot be written and are retried. Check the database (is it up, full, failing over, "
            "out of connections?) and the function's log, which names the SQLSTATE.",
        ),
    ]


def function_alarms(function: lambda_.IFunction, timeout_seconds: int) -> Sequence[Alarm]:
    """Return the alarms of the function that writes logins."""
    return [
        Alarm(
            id="Errors",
            metric=function.metric_errors(period=MINUTES_5),
            bound=1,
            action="Whole invocations fail. Either the set-up is wrong (settings, salt, log-in, privileges, schema), "
            "or time or memory ran out. The function's log says which.",
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
            action="Batches take nearly as long as the function's timeout. Look for locks and load in the database; "
            "lower batchSize or raise functionTimeout.",
        ),
    ]


def remover_alarm(remover: lambda_.IFunction) -> Alarm:
    """Return the alarm of the function that runs the schedules."""
    return Alarm(
        id="RemoverErrors",
        metric=remover.metric_errors(period=MINUTES_5),
        bound=1,
        action="The scheduled upkeep or retention, or a command that removes or restores, failed. The log of the "
        "remover's function says which. Without upkeep, no new partitions are made, and the existing ones end in "
        "a year.",
    )
