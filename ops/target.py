"""The target of a command: the parts of one pipeline, and the access to its database."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import boto3
from botocore.config import Config

from ops.dead_letters import HOLD_SECONDS, Reader
from ops.errors import NothingFoundError, OpsError, UsageError
from ops.operations.logins import reject_reasons
from ops.operations.registry import operator_of, run
from ops.operations.site import Site
from ops.queues import Queue, find_dead_letter_url
from ops.salts import SaltHistory
from ops.settings import Settings, load_settings, load_stack_settings, region

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 5})
# An operation may take as long as Lambda allows. A retry after a late response would run it twice.
INVOKE = Config(read_timeout=910, retries={"mode": "standard", "total_max_attempts": 1})
P = ParamSpec("P")
Result = TypeVar("Result")
ERRORS = {error.__name__: error for error in (NothingFoundError, UsageError)}


class Target:
    """The pipeline that the environment or --stack names; each client is made on first use."""

    def __init__(self, stack: str | None, logins: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """Takes PG* variables by role, as the local stack has them; without, each operation uses the environment's."""
        self._stack = stack
        self._logins = logins or {}

    @cached_property
    def settings(self) -> Settings:
        """Where the parts are."""
        settings = load_settings()
        if self._stack is None:
            return settings
        client = boto3.client("cloudformation", region_name=region(), config=RETRIES)
        return load_stack_settings(client, self._stack, settings)

    @cached_property
    def sqs(self) -> "SQSClient":
        """The SQS client."""
        return boto3.client("sqs", region_name=region(), config=RETRIES)

    @cached_property
    def ssm(self) -> "SSMClient":
        """The SSM client."""
        return boto3.client("ssm", region_name=region(), config=RETRIES)

    @cached_property
    def kms(self) -> "KMSClient":
        """The KMS client."""
        return boto3.client("kms", region_name=region(), config=RETRIES)

    @cached_property
    def lambda_(self) -> "LambdaClient":
        """The Lambda client."""
        return boto3.client("lambda", region_name=region(), config=INVOKE)

    @cached_property
    def logs(self) -> "BaseClient":
        """The CloudWatch Logs client."""
        client: BaseClient = boto3.client("logs", region_name=region(), config=RETRIES)
        return client

    @cached_property
    def cloudwatch(self) -> "BaseClient":
        """The CloudWatch client."""
        client: BaseClient = boto3.client("cloudwatch", region_name=region(), config=RETRIES)
        return client

    @cached_property
    def caller(self) -> str:
        """The ARN behind the credentials in use."""
        return boto3.client("sts", region_name=region(), config=RETRIES).get_caller_identity()["Arn"]

    @cached_property
    def queue(self) -> Queue:
        """The queue."""
        url = self.settings.require("queue_url")
        return Queue(self.sqs, url)

    @cached_property
    def dead_letters(self) -> Queue:
        """The given dead-letter queue, else that of the queue's redrive policy."""
        url = self.settings.dead_letter_url
        if url is None and self.settings.queue_url:
            policy = json.loads(self.queue.attributes.get("RedrivePolicy", "{}"))
            url = find_dead_letter_url(self.sqs, self.queue, policy)
        url = url or self.settings.require("dead_letter_url")
        return Queue(self.sqs, url)

    @cached_property
    def salts(self) -> SaltHistory:
        """The salt's versions, read with the operator's own credentials."""
        parameter = self.settings.require("salt_parameter")
        return SaltHistory(self.ssm, parameter)

    @property
    def has_database(self) -> bool:
        """Whether the database can be reached, directly or through an operator function."""
        return self.settings.has_database or self.settings.has_functions

    def reader(self, hold_seconds: int = HOLD_SECONDS) -> Reader:
        """A reader of the dead-letter queue."""

        def find_reasons(event_ids: list[str]) -> dict[str, tuple[str, str | None]]:
            found = self.call(reject_reasons, event_ids=event_ids)
            return {event_id: (reject["reason"], reject["field"]) for event_id, reject in found.items()}

        return Reader(self.dead_letters, find_reasons, hold_seconds)

    def call(self, operation: Callable[Concatenate[Site, P], Result], *_: P.args, **arguments: P.kwargs) -> Result:
        """Runs an operation of ops/operations next to the database, and returns its result; raises PipelineError.

        Runs it directly if PG* names the database; else in the function of the operator whose work it is, with the
        caller's own credentials.
        """
        operator = operator_of(operation.__name__)
        if self.settings.has_database or not self.settings.has_functions:
            login = self._logins.get(operator, {})
            with closing(Site(lambda: self.caller, None, self.settings.salt_parameter, login)) as site:
                done: Result = run(operation.__name__, arguments, site)
            return done
        name = self.settings.require(f"{operator}_function")
        payload = json.dumps({"operation": operation.__name__, "arguments": arguments, "actor": self.caller})
        answer = self.lambda_.invoke(FunctionName=name, Payload=payload.encode())
        content = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            kind, text = content.get("errorType", "Error"), content.get("errorMessage", "it gave no reason")
            raise ERRORS.get(kind, OpsError)(f"{text} (the function {name} said so)")
        result: Result = content
        return result
