"""The entry point and the Powertools objects. Nothing else knows Lambda."""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from lambda_src.contract import Reason, Reject, event_key, normal_event_id, parse_record
from lambda_src.database import BatchResult, Database
from lambda_src.errors import EventError, TransientError
from lambda_src.masking import MaskedLogin, Salt, mask_login
from lambda_src.salt import SaltCache
from lambda_src.settings import NAMESPACE, SERVICE, load_settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

    Record = dict[str, Any]

logger = Logger(service=SERVICE)
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)
module_logger = logging.getLogger("lambda_src")  # the modules' own lines, in the same form
module_logger.addHandler(logger.registered_handler)
module_logger.setLevel(logger.log_level)
module_logger.propagate = False


class Resources(NamedTuple):
    """What lives as long as the execution environment."""

    salts: SaltCache
    database: Database


class Batch:
    """The records of one invocation and what became of them."""

    def __init__(self, records: "list[Record]") -> None:
        # By key, so that two batches with the same events never wait for each other crosswise.
        self.records = sorted(records, key=event_key)
        self.rejects: list[Reject] = []
        self.unknown_fields = 0

    def mask(self, salt: Salt) -> Iterator[MaskedLogin]:
        """The rows of the valid records; the others go to `rejects` on the way."""
        for record in self.records:
            try:
                event = parse_record(record)
                if isinstance(event, Reject):
                    self.rejects.append(event)
                    continue
                row = mask_login(event, salt)
            except Exception:  # noqa: BLE001  a fault of ours must not harm the neighbours, nor its text leak a value
                self.rejects.append(_unexpected(record))
                continue
            self.unknown_fields += event.unknown_fields
            yield row


@lru_cache(1)
def get_resources() -> Resources:
    """The salt and the connection, made at the first invocation; raises SettingsError."""
    settings = load_settings()
    return Resources(SaltCache(settings.salt_parameter, settings.region), Database(settings.database))


def lambda_handler(event: "dict[str, Any]", context: "LambdaContext") -> "PartialItemFailureResponse":
    """Writes a batch of SQS messages, each valid one as one row; returns the others as failed.

    `event` is what an SQS event source mapping hands over. Raises PipelineError where a person has to act: the whole
    batch is then delivered again.
    """
    # Not inject_lambda_context: one environment variable makes that log the whole event.
    logger.append_keys(function_request_id=getattr(context, "aws_request_id", None))
    batch = Batch(_get_records(event))
    metrics.add_metric("RecordsReceived", MetricUnit.Count, len(batch.records))
    try:
        return _write(batch)
    finally:
        metrics.flush_metrics()


def _write(batch: Batch) -> "PartialItemFailureResponse":
    salts, database = get_resources()
    started = time.perf_counter()
    try:
        result = database.write_batch(batch.mask(salts.get()), batch.rejects)
    except TransientError as error:
        return _report_failure(batch, error)
    return _report(batch, result, (time.perf_counter() - started) * 1000)


def _get_records(event: "dict[str, Any]") -> "list[Record]":
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) and _has_id(record) for record in records):
        raise EventError(
            "This is no batch of SQS messages: `Records` with a `messageId` each. Only an SQS event source mapping may "
            "invoke this function; remove the other trigger."
        )
    return records


def _has_id(record: "Record") -> bool:
    message_id = record.get("messageId")
    return isinstance(message_id, str) and message_id.isascii() and message_id.isprintable() and message_id != ""


def _unexpected(record: "Record") -> Reject:
    message_id = record["messageId"]
    return Reject(message_id, normal_event_id(message_id), Reason.UNEXPECTED, None)


def _report(batch: Batch, result: BatchResult, milliseconds: float) -> "PartialItemFailureResponse":
    rejects = batch.rejects + result.rejected
    counts = {
        "RecordsWritten": result.written,
        "DuplicatesIgnored": result.duplicates,
        "RecordsRejected": len(rejects),
        "RecordsFailed": 0,
        "UnknownFields": batch.unknown_fields,
    }
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.add_metric("WriteMilliseconds", MetricUnit.Milliseconds, milliseconds)
    for reason, count in Counter(reject.reason for reject in rejects).items():
        with single_metric(
            "RecordsRejected",
            MetricUnit.Count,
            count,
            namespace=NAMESPACE,
            default_dimensions={"service": SERVICE, "reason": reason},
        ):
            pass
    for reject in rejects:
        logger.warning(
            "record rejected",
            extra={"message_id": reject.message_id, "reason": reject.reason, "field": reject.field},
        )
    logger.info(
        "batch written",
        extra={"RecordsReceived": len(batch.records), **counts, "WriteMilliseconds": round(milliseconds, 3)},
    )
    return _failed(reject.message_id for reject in rejects)


def _report_failure(batch: Batch, error: TransientError) -> "PartialItemFailureResponse":
    metrics.add_metric("RecordsFailed", MetricUnit.Count, len(batch.records))
    logger.error("batch not written, the queue will deliver it again", extra={"error": str(error)})
    return _failed(record["messageId"] for record in batch.records)


def _failed(message_ids: Iterator[str]) -> "PartialItemFailureResponse":
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in dict.fromkeys(message_ids)]}
