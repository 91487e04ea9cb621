"""The entry point and the Powertools objects. Nothing else knows Lambda."""

import logging
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from aws_lambda_powertools import Logger, Metrics

from lambda_src.contract import Reason, Reject, event_key, parse_records, reject_record
from lambda_src.database import ROWS_A_CHUNK, BatchResult, Database, Terms
from lambda_src.errors import EventError, TransientError
from lambda_src.masking import MaskedLogins, Salt, mask_logins
from lambda_src.quarantine import Quarantine
from lambda_src.salt import SaltCache
from lambda_src.settings import NAMESPACE, SERVICE, load_settings
from lambda_src.vault import SealedBatch, Vault

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse, PartialItemFailures
    from aws_lambda_powertools.utilities.typing import LambdaContext

    Record = dict[str, Any]

REPORT_SECONDS = 1.0  # what the invocation keeps for its answer

UNITS = {"WriteMilliseconds": "Milliseconds"}  # the rest are counts

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
    quarantine: Quarantine | None
    vault: Vault | None


class Batch:
    """The records of one invocation and what became of them."""

    def __init__(self, records: "list[Record]") -> None:
        self.records = records
        self.counts: dict[str, float] = {"RecordsReceived": len(records)}
        self.originals: SealedBatch | None = None
        self.rejects: list[Reject] = []
        self.quarantined: set[str] = set()  # messageIds
        self.unknown_fields = 0

    def mask(self, salt: Salt) -> Iterator[MaskedLogins]:
        """The rows of the valid records, some at a time; the others go to `rejects` on the way.

        In the order of their keys, so that two batches with the same events never wait for each other crosswise.
        """
        records = sorted(self.records, key=event_key)
        for start in range(0, len(records), ROWS_A_CHUNK):
            yield from self._mask(records[start : start + ROWS_A_CHUNK], salt)

    def _mask(self, records: "list[Record]", salt: Salt) -> Iterator[MaskedLogins]:
        """The rows of `records`; one that trips a fault of ours is found by halving."""
        try:
            logins, rejects = parse_records(records)
            rows = mask_logins(logins, salt)
            if self.originals is not None:
                self.originals.seal(logins, rows)
        except MemoryError:
            raise  # no fault of a record
        except Exception:  # noqa: BLE001, S110  a fault of ours must not harm the neighbours, nor its text leak a value
            pass
        else:
            self.rejects += rejects
            self.unknown_fields += logins.unknown_fields
            if rows.event_ids:
                yield rows
            return
        if middle := len(records) // 2:
            yield from self._mask(records[:middle], salt)
            yield from self._mask(records[middle:], salt)
        else:
            self.rejects.append(reject_record(records[0], Reason.UNEXPECTED, None))

    def send_to(self, quarantine: Quarantine, rejects: list[Reject], give_up_at: float) -> None:
        """Sends the messages of `rejects` that are not in quarantine yet."""
        records = {record["messageId"]: record for record in self.records}
        messages = [
            (reject, records[reject.message_id]) for reject in rejects if reject.message_id not in self.quarantined
        ]
        self.quarantined |= quarantine.send(messages, give_up_at)

    def failures(self, message_ids: Iterable[str]) -> "PartialItemFailureResponse":
        """The partial batch response that reports `message_ids`, in the order of arrival.

        Of a FIFO queue also what came after a failure in its group, so that SQS keeps the order.
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        """
        failed = set(message_ids)
        stopped: set[str] = set()
        items: list[PartialItemFailures] = []
        for record in self.records if failed else ():
            message_id = record["messageId"]
            group = _fifo_group(record) or message_id
            if message_id in failed or group in stopped:
                stopped.add(group)
                items.append({"itemIdentifier": message_id})
        return {"batchItemFailures": items}


@lru_cache(1)
def get_resources() -> Resources:
    """The salt, the connection, the quarantine and the vault, made at the first invocation; raises SettingsError."""
    settings = load_settings()
    return Resources(
        SaltCache(settings.salt_parameter, settings.region),
        Database(settings.database),
        Quarantine(settings.dlq_url, settings.region) if settings.dlq_url else None,
        Vault(settings.vault_public_key) if settings.vault_public_key else None,
    )


def lambda_handler(event: "dict[str, Any]", context: "LambdaContext") -> "PartialItemFailureResponse":
    """Writes a batch of SQS messages, each valid one as one row; returns the others as failed.

    `event` is what an SQS event source mapping hands over. Raises PipelineError where a person has to act: the whole
    batch is then delivered again.
    """
    # Not inject_lambda_context: one environment variable makes that log the whole event.
    request_id = getattr(context, "aws_request_id", None)
    logger.append_keys(function_request_id=request_id)
    batch = Batch(_get_records(event))
    try:
        return _write(batch, _give_up_at(context))
    finally:
        message = "batch written" if "RecordsWritten" in batch.counts else "batch failed"
        _put_metrics(batch.counts, {}, {"level": "INFO", "message": message, "function_request_id": request_id})


def _write(batch: Batch, give_up_at: float) -> "PartialItemFailureResponse":
    salts, database, quarantine, vault = get_resources()
    if vault is not None:
        batch.originals = vault.new_batch()

    def before_commit(rejects: list[Reject]) -> None:
        if quarantine is not None:
            batch.send_to(quarantine, rejects, give_up_at)

    started = time.perf_counter()
    try:
        result = database.write_batch(
            batch.mask(salts.get()), batch.rejects, Terms(before_commit, give_up_at, batch.originals)
        )
    except TransientError as error:
        batch.counts["RecordsFailed"] = len(batch.records)
        logger.error(  # noqa: TRY400  a traceback would say nothing more
            "batch not written, the queue will deliver it again", extra={"error": str(error)}
        )
        return batch.failures(record["messageId"] for record in batch.records)
    milliseconds = (time.perf_counter() - started) * 1000
    rejects = batch.rejects + result.rejected
    _report(batch, result, rejects, milliseconds)
    return batch.failures(reject.message_id for reject in rejects if reject.message_id not in batch.quarantined)


def _report(batch: Batch, result: BatchResult, rejects: list[Reject], milliseconds: float) -> None:
    """Counts what became of the batch, and logs its rejects."""
    batch.counts |= {
        "RecordsWritten": result.written,
        "DuplicatesIgnored": result.duplicates,
        "RecordsRejected": len(rejects),
        "RecordsFailed": 0,
        "UnknownFields": batch.unknown_fields,
        "WriteMilliseconds": round(milliseconds, 3),
    }
    for reason, count in Counter(reject.reason for reject in rejects).items():
        _put_metrics({"RecordsRejected": count}, {"reason": reason}, {})
    for reject in rejects:
        logger.warning(
            "record rejected",
            extra={"message_id": reject.message_id, "reason": reject.reason, "field": reject.field},
        )


def _put_metrics(values: dict[str, float], dimensions: dict[str, str], facts: dict[str, str | None]) -> None:
    """Prints `values` as metrics and, with the other `facts`, as a line of the log."""
    # In one go: add_metric, flush_metrics and a line of the logger took as long as Postgres takes for five rows.
    blob = metrics.serialize_metric_set(
        {name: {"Unit": UNITS.get(name, "Count"), "Value": [value]} for name, value in values.items()},
        {"service": SERVICE, **dimensions},
        facts,
    )
    print(msgspec.json.encode(blob).decode())  # noqa: T201  as Powertools does: CloudWatch reads it from the output


def _give_up_at(context: "LambdaContext") -> float:
    """When a write has to end, as a value of time.monotonic(), so that its records can still be reported."""
    if not hasattr(context, "get_remaining_time_in_millis"):
        return math.inf  # not in Lambda
    return time.monotonic() + context.get_remaining_time_in_millis() / 1000 - REPORT_SECONDS


def _get_records(event: "dict[str, Any]") -> "list[Record]":
    try:
        records: list[Record] = event["Records"]
        message_ids = [record["messageId"] for record in records]
        text = "".join(message_ids)
    except (KeyError, TypeError):
        records, message_ids, text = [], [""], ""
    if not (isinstance(records, list) and all(message_ids) and text.isascii() and text.isprintable()):
        raise EventError(
            "This is no batch of SQS messages: `Records` with a `messageId` each. Only an SQS event source mapping may "
            "invoke this function; remove the other trigger."
        )
    return records


def _fifo_group(record: "Record") -> str | None:
    # Messages of a standard queue may have a group too; it orders nothing there.
    if not str(record.get("eventSourceARN")).endswith(".fifo"):
        return None
    attributes = record.get("attributes")
    return attributes.get("MessageGroupId") if isinstance(attributes, dict) else None
