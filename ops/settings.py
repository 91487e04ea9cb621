"""Finds the parts of the pipeline, from the environment or from the outputs of a deployed stack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.envelopes import OPENERS
from lambda_src.errors import SettingsError
from lambda_src.settings import EMULATED_REGION
from ops.errors import OpsError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True)
class Place:
    """One part of the pipeline: its variable, its output, and the setting (`switch`) without which a stack lacks it."""

    variable: str
    output: str
    meaning: str
    switch: str | None = None


PLACES = {
    "queue_url": Place("QUEUE_URL", "QueueUrl", "URL of the queue"),
    "dead_letter_url": Place("DLQ_URL", "DeadLetterQueueUrl", "URL of the dead-letter queue"),
    "salt_parameter": Place("SALT_PARAMETER", "SaltParameter", "name of the salt's SSM parameter"),
    "function_name": Place("FUNCTION_NAME", "FunctionName", "name of the function that writes the logins"),
    "reader_function": Place("READER_FUNCTION", "ReaderFunctionName", "name of the function that reads"),
    "masker_function": Place("MASKER_FUNCTION", "MaskerFunctionName", "name of the function that has the salt"),
    "remover_function": Place("REMOVER_FUNCTION", "RemoverFunctionName", "name of the function that removes"),
    "custodian_function": Place(
        "CUSTODIAN_FUNCTION", "CustodianFunctionName", "name of the function that opens the vault", "vaultKeyArn"
    ),
    "linker_function": Place("LINKER_FUNCTION", "LinkerFunctionName", "name of the function that links", "linking"),
    "envelope": Place("ENVELOPE", "Envelope", "envelope around each event"),
    "vault_key": Place("VAULT_KEY", "VaultKeyArn", "ARN, id or alias of the vault's KMS key"),
}
OPERATOR_FUNCTIONS = tuple(name for name in PLACES if name.endswith("_function"))


@dataclass(frozen=True)
class Settings:
    """The known parts; None for unknown ones."""

    queue_url: str | None
    dead_letter_url: str | None
    salt_parameter: str | None
    function_name: str | None
    reader_function: str | None
    masker_function: str | None
    remover_function: str | None
    custodian_function: str | None
    linker_function: str | None
    envelope: str | None
    vault_key: str | None
    stack: str | None
    has_database: bool  # PG* names a database that is to be used

    @property
    def has_functions(self) -> bool:
        """Whether any operator function is known."""
        return any(getattr(self, name) is not None for name in OPERATOR_FUNCTIONS)

    def require(self, name: str) -> str:
        """Returns the part of that name; if it is unknown, raises SettingsError, which says how to set it."""
        value: str | None = getattr(self, name)
        if value is None:
            place = PLACES[name]
            way = "give --stack NAME, or start a local stack (loginpipe up)"
            if self.stack:
                way = f"the stack {self.stack} has no output {place.output}"
                way += f": deploy it with -c {place.switch}" if place.switch else ""
            raise SettingsError(f"The {place.meaning} is not known: set {place.variable}, or {way}.")
        return value

    def get_envelope(self) -> str | None:
        """Returns the kind of envelope, a key of envelopes.OPENERS; raises SettingsError."""
        if self.envelope in (None, "none"):
            return None
        if self.envelope not in OPENERS:
            raise SettingsError(f"ENVELOPE must be one of none, {', '.join(OPENERS)}.")
        return self.envelope


def region(variables: Mapping[str, str] = os.environ) -> str | None:
    """Returns AWS_REGION or AWS_DEFAULT_REGION; any region for an emulator; else None, for the AWS profile's region."""
    emulated = EMULATED_REGION if variables.get("AWS_ENDPOINT_URL") else None
    return variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or emulated


def load_settings(variables: Mapping[str, str] = os.environ) -> Settings:
    """Returns the parts that the environment names."""
    values = {name: variables.get(place.variable, "").strip() or None for name, place in PLACES.items()}
    return Settings(**values, stack=None, has_database=bool(variables.get("PGHOST", "").strip()))


def load_stack_settings(client: "CloudFormationClient", stack: str, around: Settings) -> Settings:
    """Returns the parts that a deployed stack's outputs name, and the rest from `around`. Raises OpsError, UsageError.

    If the stack has operator functions, the environment's database is ignored, because PG* may name another one.
    """
    try:
        stacks = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ValidationError":
            raise
        raise UsageError(f"There is no stack {stack} here.{_nearest(client, stack)}") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
    if not any(place.output in outputs for place in PLACES.values()):
        raise OpsError(f"The stack {stack} has none of the pipeline's outputs: is it another stack's name?")
    values = {name: outputs.get(place.output) or getattr(around, name) for name, place in PLACES.items()}
    has_database = around.has_database and not any(values[name] for name in OPERATOR_FUNCTIONS)
    return Settings(**values, stack=stack, has_database=has_database)


def _nearest(client: "CloudFormationClient", stack: str) -> str:
    """Returns a question with the most similar stack name; an empty text if the caller may not list stacks."""
    try:
        pages = client.get_paginator("describe_stacks").paginate()
        names = [each["StackName"] for page in pages for each in page["Stacks"]]
    except (BotoCoreError, ClientError):
        return " Check --stack and AWS_REGION."
    nearest = get_close_matches(stack, names, n=1)
    return f" Did you mean {nearest[0]}?" if nearest else " Check --stack and AWS_REGION."
