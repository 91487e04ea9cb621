"""Everything that can be wrong with a set-up, and what to do about it."""

import email.utils
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.errors import PipelineError
from ops import operations
from ops.operations.health import Schema, VaultKey
from ops.queues import Queue
from ops.target import Target

LARGEST_SKEW = 30  # seconds; AWS refuses signatures from 5 minutes on
OLD_SALT_DAYS = 365
FEWEST_MONTHS_AHEAD = 2
LONGEST_WAIT = 24  # hours, of a sealed batch


class Status(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What one check found; `advice` says what to do where it is not well."""

    check: str
    status: Status
    found: str
    advice: str = ""


def examine(target: Target) -> Iterator[Finding]:
    """All findings, one check after the other: what breaks one check does not keep the next from running."""
    for name, check in CHECKS.items():
        try:
            yield from check(target)
        except PipelineError as error:
            yield Finding(name, Status.ERROR, str(error), "Correct this first; other findings may follow from it.")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            advice = f"Allow the caller {error.operation_name}, and see that what it names exists."
            yield Finding(name, Status.ERROR, f"AWS refuses {error.operation_name} ({code})", advice)
        except BotoCoreError as error:
            advice = "Check credentials, AWS_REGION and AWS_ENDPOINT_URL, and the network."
            yield Finding(name, Status.ERROR, f"AWS cannot be used: {error}", advice)


def _check_caller(target: Target) -> Iterator[Finding]:
    yield Finding("caller", Status.OK, target.caller)


def _check_queue(target: Target) -> Iterator[Finding]:
    queue = target.queue
    attributes = queue.attributes
    waiting = int(attributes["ApproximateNumberOfMessages"])
    yield Finding("queue", Status.OK, f"{queue.arn}, about {waiting:,} waiting")
    policy = json.loads(attributes.get("RedrivePolicy", "{}"))
    if "deadLetterTargetArn" not in policy:
        advice = "Set a RedrivePolicy with the dead-letter queue, or a poisoned message is tried for ever."
        yield Finding("redrive policy", Status.ERROR, "the queue has none", advice)
        return
    letters = target.dead_letters
    times = int(policy["maxReceiveCount"])
    named = f"{times} receives, then {policy['deadLetterTargetArn']}"
    if letters.arn != policy["deadLetterTargetArn"]:
        advice = f"It names another queue than DLQ_URL ({letters.arn}): correct one of the two."
        yield Finding("redrive policy", Status.ERROR, named, advice)
    elif times < 2:  # noqa: PLR2004  a message that is received once more may just have met a restart
        yield Finding("redrive policy", Status.WARNING, named, "Allow a few receives: trouble of a moment uses up one.")
    else:
        yield Finding("redrive policy", Status.OK, named)
    yield from _check_retention(queue, letters)


def _check_retention(queue: Queue, letters: Queue) -> Iterator[Finding]:
    kept = {name: int(each.attributes["MessageRetentionPeriod"]) for name, each in (("queue", queue), ("dlq", letters))}
    found = f"queue {kept['queue'] / 86_400:g} days, dead letters {kept['dlq'] / 86_400:g} days"
    if kept["dlq"] <= kept["queue"]:
        advice = "A dead letter's age counts from its first sending: keep dead letters longer than the queue does."
        yield Finding("retention of messages", Status.ERROR, found, advice)
    else:
        yield Finding("retention of messages", Status.OK, found)
    count = int(letters.attributes["ApproximateNumberOfMessages"])
    if count:
        advice = "See why with `dlq list`; then `dlq redrive` or `dlq purge`."
        yield Finding("dead letters", Status.WARNING, f"about {count:,}", advice)
    else:
        yield Finding("dead letters", Status.OK, "none")


def _check_function(target: Target) -> Iterator[Finding]:
    name = target.settings.function_name
    if name is None:
        yield Finding("function", Status.SKIPPED, "not known", "Set FUNCTION_NAME or give --stack to have it checked.")
        return
    configuration = target.lambda_.get_function_configuration(FunctionName=name)
    timeout = configuration["Timeout"]
    yield Finding("function", Status.OK, f"{name}, {configuration.get('Runtime', 'image')}, timeout {timeout} s")
    sources = target.lambda_.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    sources = [source for source in sources if source.get("EventSourceArn") == target.queue.arn]
    if not sources:
        advice = "Make an event source mapping from the queue to the function."
        yield Finding("event source", Status.ERROR, "no event source mapping from the queue", advice)
        return
    (source, *_) = sources
    window = source.get("MaximumBatchingWindowInSeconds", 0)
    visibility = int(target.queue.attributes["VisibilityTimeout"])
    needed = 6 * timeout + window
    found = f"{visibility} s; 6 times the function's timeout and the batch window make {needed} s"
    if visibility < needed:
        advice = "Raise the queue's VisibilityTimeout: else messages are delivered again while they are being written."
        yield Finding("visibility timeout", Status.ERROR, found, advice)
    else:
        yield Finding("visibility timeout", Status.OK, found)
    state = source.get("State", "unknown")
    if state not in ("Enabled", "Enabling", "Creating", "Updating"):
        advice = "Switch the event source mapping on: nothing is written."
        yield Finding("event source", Status.ERROR, f"state {state}", advice)
    elif "ReportBatchItemFailures" not in source.get("FunctionResponseTypes", []):
        advice = "Switch ReportBatchItemFailures on: without it, failed records are taken for written, and lost."
        yield Finding("event source", Status.ERROR, "partial batch responses are off", advice)
    else:
        yield Finding("event source", Status.OK, f"state {state}, batches of {source.get('BatchSize')}")


def _check_salt(target: Target) -> Iterator[Finding]:
    newest = target.salts.versions()[0]
    if newest["type"] != "SecureString":
        advice = "Make it anew with `salt create` under another name: its value may have been seen."
        yield Finding("salt", Status.ERROR, f"version {newest['version']} is a {newest['type']}", advice)
        return
    days = (time.time() - newest["created"].timestamp()) / 86_400
    found = f"version {newest['version']}, {days:.0f} days old"
    if days > OLD_SALT_DAYS:
        yield Finding("salt", Status.WARNING, found, "Consider `salt rotate`: docs/recovery-and-erasure.md.")
    else:
        yield Finding("salt", Status.OK, found)
    masked = target.call(operations.mask, field="ip", value="192.0.2.1")
    if masked["salt_version"] != newest["version"]:
        advice = (
            "Its newest version is not the base64 of 32 bytes or more: `salt rotate`. Until then, nothing is written."
        )
        yield Finding("salt value", Status.ERROR, f"the newest usable version is {masked['salt_version']}", advice)
    else:
        yield Finding("salt value", Status.OK, "usable")


def _check_clock(target: Target) -> Iterator[Finding]:
    before = time.time()
    answer: Any = target.sqs.get_queue_attributes(QueueUrl=target.queue.url, AttributeNames=["QueueArn"])
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if date is None:
        yield Finding("clock", Status.SKIPPED, "the endpoint tells no time")
        return
    skew = email.utils.parsedate_to_datetime(date).timestamp() - before
    yield _judge_skew("clock", skew, "AWS")


def _judge_skew(check: str, skew: float, whose: str) -> Finding:
    found = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} {whose}"
    if abs(skew) > LARGEST_SKEW:
        return Finding(check, Status.ERROR, found, "Set the clock (NTP): AWS refuses what is signed at a wrong time.")
    return Finding(check, Status.OK, found)


def _check_database(target: Target) -> Iterator[Finding]:
    if not target.has_database:
        advice = "Set PG* or OPERATOR_FUNCTION, or give --stack, to have it checked."
        yield Finding("database", Status.SKIPPED, "not known", advice)
        return
    facts = target.call(operations.check_server)
    yield Finding("database", Status.OK, f"PostgreSQL {facts['version']}, as {facts['user']}")
    if facts["encoding"] != "UTF8":
        advice = "Make the database anew with ENCODING 'UTF8': another one refuses or garbles texts."
        yield Finding("encoding", Status.ERROR, facts["encoding"], advice)
    yield _judge_skew("database clock", facts["now"] - time.time(), "the database")
    if facts["pending_migrations"]:
        missing = ", ".join(facts["pending_migrations"])
        advice = "Run python -m lambda_src.migrate (in AWS: deploy); if it was changed after the fact, put it back."
        yield Finding("schema", Status.ERROR, f"missing or different: {missing}", advice)
        return
    yield Finding("schema", Status.OK, "all migrations applied")
    schema = target.call(operations.check_schema)
    yield from _check_partitions(schema)
    yield from _check_privileges(schema)
    if facts["log_min_error_statement"] not in ("panic", "fatal"):
        advice = "Set it to panic: a failing statement is logged with its values otherwise."
        yield Finding("log_min_error_statement", Status.WARNING, facts["log_min_error_statement"], advice)
    if facts["log_statement"] not in ("none", "ddl"):
        advice = "Set it to none or ddl: statements are logged with their values."
        yield Finding("log_statement", Status.WARNING, facts["log_statement"], advice)
    yield from _check_vault(target, schema["vault"])


def _check_partitions(facts: Schema) -> Iterator[Finding]:
    found = f"{facts['months_ahead']} months ahead, {facts['rows_without_month']:,} logins without a month"
    advice = "Run `retention`, or see that its schedule runs: it makes the coming months."
    if not facts["has_this_month"]:
        yield Finding("partitions", Status.ERROR, f"none for this month; {found}", advice)
    elif facts["months_ahead"] < FEWEST_MONTHS_AHEAD:
        yield Finding("partitions", Status.WARNING, found, advice)
    else:
        yield Finding("partitions", Status.OK, found)


def _check_privileges(facts: Schema) -> Iterator[Finding]:
    wrong = [
        f"there is no role {row['role']}"
        if row["held"] is None
        else f"{row['role']} {'lacks' if row['wanted'] else 'should not have'} {row['privilege']} on {row['object']}"
        for row in facts["privileges"]
        if row["held"] is not row["wanted"]
    ]
    wrong += [f"{role} reads both user_logins and the vault" for role in facts["two_eyed_roles"]]
    if wrong:
        advice = "Compare with lambda_src/migrations: GRANT what is missing, REVOKE what is too much."
        yield Finding("privileges", Status.ERROR, "; ".join(dict.fromkeys(wrong)), advice)
    else:
        yield Finding("privileges", Status.OK, "as they should be")


def _check_vault(target: Target, sealed: list[VaultKey]) -> Iterator[Finding]:
    if not sealed:
        yield Finding("vault", Status.OK, "off, or empty")
        return
    newest = max(sealed, key=lambda row: str(row["newest"]))
    found = f"{sum(row['data_keys'] for row in sealed):,} batches, last for public key {newest['public_key'][:16]}…"
    if (hours := max(row["waiting_hours"] for row in sealed)) > LONGEST_WAIT:
        advice = "Run `upkeep`, or see that its schedule runs: it unfolds what the function has sealed."
        yield Finding("vault inbox", Status.WARNING, f"a batch has waited for {hours:,.0f} hours", advice)
    if target.settings.vault_key is None:
        advice = "Set VAULT_KEY, or give --stack, to have its KMS key checked."
        yield Finding("vault", Status.WARNING, found, advice)
        return
    public = target.kms.get_public_key(KeyId=target.settings.vault_key)["PublicKey"]
    if hashlib.sha256(public).hexdigest() != newest["public_key"]:
        advice = "The KMS key cannot open what the function seals: give the function this key's public half."
        yield Finding("vault", Status.ERROR, found, advice)
    else:
        yield Finding("vault", Status.OK, f"{found}, which belongs to the KMS key")


CHECKS: dict[str, Callable[[Target], Iterator[Finding]]] = {
    "caller": _check_caller,
    "queue": _check_queue,
    "function": _check_function,
    "clock": _check_clock,
    "salt": _check_salt,
    "database": _check_database,
}
