"""Reports a batch: metrics in CloudWatch's embedded metric format, and log lines."""

import logging
import time
from collections import Counter
from typing import Self

import msgspec
from aws_lambda_powertools import Logger, Metrics

from lambda_src.aws_logs import silence_sdk
from lambda_src.envelopes import HINTS
from lambda_src.outcome import BatchResult
from lambda_src.rejects import Reason, Reject
from lambda_src.settings import NAMESPACE, SERVICE

UNITS = {"WriteMilliseconds": "Milliseconds"}  # The unit of all others is Count.

logger = Logger(service=SERVICE)
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)


def share_logger() -> None:
    """Gives the modules' loggers the format of Powertools' logger, and silences the AWS SDK's loggers."""
    silence_sdk()
    modules = logging.getLogger("lambda_src")
    modules.addHandler(logger.registered_handler)
    modules.setLevel(logger.log_level)
    modules.propagate = False


class BatchReport:
    """Prints one line with the metrics of a batch at the end of the block, also when the block raises."""

    def __init__(self, received: int, request_id: str | None) -> None:
        self._counts: dict[str, float] = {"RecordsReceived": received}
        self._facts = {"level": "INFO", "message": "batch failed", "function_request_id": request_id}
        self._started = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _put_metrics(self._counts, {}, self._facts)

    def add_events(self, count: int) -> None:
        """Counts the events that the messages hold."""
        self._counts["EventsReceived"] = count

    def add(self, result: BatchResult) -> None:
        """Counts the results of the batch, and logs its rejects."""
        self._counts["RecordsFailed"] = len(result.failed)
        if result.failed and not (result.written or result.duplicates or result.rejects):
            return
        self._facts["message"] = "batch written"
        self._counts |= {
            "RecordsWritten": result.written,
            "DuplicatesIgnored": result.duplicates,
            "RecordsRejected": len(result.rejects),
            "UnknownFields": result.unknown_fields,
            "WriteMilliseconds": round((time.perf_counter() - self._started) * 1000, 3),
        }
        for reason, count in Counter(reject.reason for reject in result.rejects).items():
            _put_metrics({"RecordsRejected": count}, {"reason": reason}, {})
        for reject in result.rejects:
            logger.warning(
                "record rejected",
                extra={"message_id": reject.message_id, "reason": reject.reason, "field": reject.field}
                | _details(reject),
            )


def _details(reject: Reject) -> dict[str, object]:
    details: dict[str, object] = {}
    if reject.place is not None:
        details["place"] = reject.place
    if reject.reason is Reason.ENVELOPED and reject.field in HINTS:
        details["hint"] = HINTS[reject.field]
    return details


def _put_metrics(values: dict[str, float], dimensions: dict[str, str], facts: dict[str, str | None]) -> None:
    """Prints `values` as metrics and, with `facts`, as one line of the log."""
    # One line serves both. add_metric, flush_metrics and a separate log line take as long as Postgres takes for five
    # rows.
    blob = metrics.serialize_metric_set(
        {name: {"Unit": UNITS.get(name, "Count"), "Value": [value]} for name, value in values.items()},
        {"service": SERVICE, **dimensions},
        facts,
    )
    print(msgspec.json.encode(blob).decode())  # noqa: T201  CloudWatch reads metrics from the standard output.
