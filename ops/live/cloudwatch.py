"""Reads CloudWatch's metrics of a deployed pipeline: one minute's figures, one to two minutes old."""

import json
import time
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.live.sample import SUMS, WRITE_TIME, Counts, FunctionError, Metrics
from ops.times import format_time

if TYPE_CHECKING:
    from ops.target import Target

PERIOD = 60  # seconds; the newest minute is not complete yet, so the one before is used
REFRESH_SECONDS = 30  # each metric of a call costs money, and none changes more often than once a minute
ERROR_SECONDS = 3_600  # seconds to search back for the last error
NAMESPACE = "LoginPipeline"
SERVICE_VARIABLE = "POWERTOOLS_SERVICE_NAME"
LOG_FILTER = '{ ($.errorType = "*") || ($.record.status = "timeout") }'


class CloudWatchMetrics:
    """The metrics of the deployed function and its queue.

    Needs cloudwatch:GetMetricData and lambda:GetFunctionConfiguration; the text of an error, logs:FilterLogEvents.
    """

    def __init__(self, target: "Target") -> None:
        self._target = target
        self._found: dict[str, dict[float, float]] = {}  # of each metric: the figure of each minute, by its start
        self._asked_at = 0.0
        self._last_error: FunctionError | None = None

    def read(self) -> Metrics:
        """The figures of the minute before the last; raises BotoCoreError, ClientError and SettingsError."""
        now = time.time()
        if now - self._asked_at >= REFRESH_SECONDS:
            self._found = self._ask(now)
            self._last_error = self._find_error()
            self._asked_at = now
        start = now // PERIOD * PERIOD - 2 * PERIOD
        return Metrics(
            counts=Counts(**{name: self._found[name].get(start, 0) for name in (*SUMS, "batches")}),
            period_seconds=PERIOD,
            age_seconds=now - start - PERIOD,
            oldest_seconds=self._found["oldest"].get(start),
            last_error=self._last_error,
        )

    @cached_property
    def _function(self) -> dict[str, Any]:
        name = self._target.settings.require("function_name")
        return dict(self._target.lambda_.get_function_configuration(FunctionName=name))

    def _ask(self, now: float) -> dict[str, dict[float, float]]:
        queue = {"QueueName": self._target.queue.url.rpartition("/")[2]}
        service = {"service": self._function.get("Environment", {}).get("Variables", {}).get(SERVICE_VARIABLE, "")}
        queries = [
            _query("oldest", "AWS/SQS", "ApproximateAgeOfOldestMessage", queue, "Maximum"),
            _query("errors", "AWS/Lambda", "Errors", {"FunctionName": self._function["FunctionName"]}),
            *(_query(name, NAMESPACE, metric, service) for name, metric in SUMS.items()),
            _query("batches", NAMESPACE, WRITE_TIME, service, "SampleCount"),
        ]
        found: dict[str, dict[float, float]] = {query["Id"]: {} for query in queries}
        pages = self._target.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries,
            StartTime=datetime.fromtimestamp(now // PERIOD * PERIOD - ERROR_SECONDS, UTC),
            EndTime=datetime.fromtimestamp(now, UTC),
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                minutes = (moment.timestamp() for moment in result["Timestamps"])
                found[result["Id"]].update(zip(minutes, result["Values"], strict=True))
        return found

    def _find_error(self) -> FunctionError | None:
        minutes = [minute for minute, count in self._found["errors"].items() if count]
        if not minutes:
            return None
        minute = max(minutes)
        at = format_time(datetime.fromtimestamp(minute, UTC))
        if self._last_error is not None and self._last_error.at == at:
            return self._last_error
        count = round(sum(self._found["errors"].values()))
        return FunctionError(at, self._read_log(minute) or f"{count:,} failed invocations within an hour; see its log")

    def _read_log(self, minute: float) -> str | None:
        """Returns the last error of that minute from the function's log; None if the log cannot be read."""
        name = self._function["FunctionName"]
        group = self._function.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
        # CloudWatch counts an error in the minute in which the invocation began.
        span = {"startTime": int(minute * 1000), "endTime": int((minute + PERIOD + ERROR_SECONDS) * 1000)}
        text = None
        try:
            pages = self._target.logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, filterPattern=LOG_FILTER, **span
            )
            for page in pages:
                for event in page["events"]:
                    text = _describe(event["message"]) or text
        except (BotoCoreError, ClientError):
            return None
        return text


def _query(
    name: str, namespace: str, metric: str, dimensions: dict[str, str], statistic: str = "Sum"
) -> dict[str, Any]:
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": named},
            "Period": PERIOD,
            "Stat": statistic,
        },
    }


def _describe(line: str) -> str | None:
    """Returns the error in a line of Lambda's JSON log; None for any other line."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    if "errorType" in entry:
        return f"{entry['errorType']}: {entry.get('errorMessage', '')}"
    record = entry.get("record")
    return "The function ran out of time." if isinstance(record, dict) and record.get("status") == "timeout" else None
