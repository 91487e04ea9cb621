"""The entry point: one batch of SQS messages, from the event to the partial batch response."""

import math
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_src.database import Database
from lambda_src.identity import sort_key
from lambda_src.metrics import BatchReport, logger, share_logger
from lambda_src.outcome import WriteOptions
from lambda_src.quarantine import Quarantine
from lambda_src.records import make_records
from lambda_src.salt import SaltCache
from lambda_src.settings import load_settings
from lambda_src.sqs import partial_batch_response, source_arn, take_messages
from lambda_src.unpacking import unpack
from lambda_src.vault import Vault
from lambda_src.writing import write_batch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

ANSWER_SECONDS = 1.0  # time kept for the response

share_logger()


class Resources(NamedTuple):
    """The objects that live as long as the execution environment."""

    salts: SaltCache
    database: Database
    quarantine: Quarantine
    envelope: str | None
    vault: Vault | None


def lambda_handler(event: "dict[str, Any]", context: "LambdaContext") -> "PartialItemFailureResponse":
    """Writes each valid event of a batch as one row; returns the messages to deliver again.

    Raises SettingsError, SaltError, SetupError or EventError: a redelivery does not help, and somebody has to act.
    """
    # Not inject_lambda_context: an environment variable (POWERTOOLS_LOGGER_LOG_EVENT) makes that log the whole event.
    request_id = getattr(context, "aws_request_id", None)
    logger.append_keys(function_request_id=request_id)
    give_up_at = _get_give_up_at(context)
    messages = take_messages(event)
    with BatchReport(len(messages), request_id) as report:
        resources = get_resources()
        resources.quarantine.check_source(source_arn(messages))
        sealed = resources.vault.new_batch() if resources.vault else None
        # Sorted by key, so that two batches with the same events cannot deadlock.
        events = sorted(unpack(messages, resources.envelope), key=sort_key)
        report.add_events(len(events))
        salt = resources.salts.get()
        records = make_records(events, salt, sealed)
        result = write_batch(resources.database, records, WriteOptions(salt, give_up_at, sealed))
        report.add(result)
    failed = resources.quarantine.send(result, messages, give_up_at)
    return partial_batch_response(messages, failed)


@lru_cache(1)
def get_resources() -> Resources:
    """Returns salt, connection, quarantine and vault; makes them at the first invocation. Raises SettingsError."""
    settings = load_settings()
    return Resources(
        SaltCache(settings.salt_parameter, settings.region),
        Database(settings.database),
        Quarantine(settings.dlq_url, settings.region, settings.envelope),
        settings.envelope,
        Vault(settings.vault_public_key) if settings.vault_public_key else None,
    )


def _get_give_up_at(context: "LambdaContext") -> float:
    """Returns the time.monotonic() at which a write has to end, so that failed messages can still be reported."""
    if not hasattr(context, "get_remaining_time_in_millis"):
        return math.inf  # not in Lambda
    return time.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_SECONDS
