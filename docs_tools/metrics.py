"""The metrics that the function writes."""

import contextlib
import io
import json

from docs_tools.markdown import code, table
from lambda_src.metrics import BatchReport, logger
from lambda_src.outcome import BatchResult
from lambda_src.rejects import Reason, Reject
from lambda_src.settings import NAMESPACE

MEANINGS = {
    "RecordsReceived": "messages of the batch",
    "EventsReceived": "events in these messages",
    "RecordsWritten": "new rows in `user_logins`",
    "DuplicatesIgnored": "events whose row existed already",
    "RecordsRejected": "events that break the contract; also with the dimension `reason`",
    "RecordsFailed": "events that are delivered again because they could not be written",
    "UnknownFields": "fields that are not in the contract; they are ignored",
    "WriteMilliseconds": "time from the start of the batch to its end",
}


def metrics() -> str:
    """One row a metric, as a batch with one reject writes them."""
    rows = ((code(name), unit, MEANINGS[name]) for name, unit in _written().items())
    return f"Namespace `{NAMESPACE}`, dimension `service`.\n\n" + table(("metric", "unit", "meaning"), rows)


def _written() -> dict[str, str]:
    """The unit of each metric."""
    reject = Reject("message", "event", Reason.EMPTY, "user_id")
    output = io.StringIO()
    logger.setLevel("CRITICAL")
    with contextlib.redirect_stdout(output), BatchReport(2, None) as report:
        report.add_events(2)
        report.add(BatchResult(written=1, duplicates=0, rejects=[reject], failed=[]))
    *_, batch = (json.loads(line) for line in output.getvalue().splitlines())
    return {each["Name"]: each["Unit"] for each in batch["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
