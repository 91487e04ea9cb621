"""Reads and checks the CDK context once."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from infra.settings.contradictions import contradictions
from infra.settings.names import camel
from infra.settings.settings import Settings

# The CDK's command line and libraries store their own switches in the same context.
FOREIGN_KEY = re.compile(r"@aws-cdk/|aws:|aws-cdk:|cdk:|cli-telemetry$")
STAGES_KEY = "stages"


class ContextError(Exception):
    """The CDK context holds unknown, malformed or contradictory values: the message names each one."""


def parse_context(context: Mapping[str, Any]) -> Settings:
    """Read the context: the stage's values in cdk.json, overridden by `-c key=value`; raise ContextError."""
    fields = {camel(item.name): item for item in dataclasses.fields(Settings)}
    problems: list[str] = []
    stages = context.get(STAGES_KEY, {})
    stage = context.get("stage", fields["stage"].default)
    given = {key: value for key, value in context.items() if key != STAGES_KEY and not FOREIGN_KEY.match(key)}
    if not isinstance(stages, dict) or not all(isinstance(values, dict) for values in stages.values()):
        problems.append(f"{STAGES_KEY}: an object of one object a stage")
    else:
        given = {**stages.get(stage, {}), **given}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in fields:
            problems.append(f"{key}: unknown; known are {', '.join(fields)}")
            continue
        if value is None or value == "":
            continue
        try:
            values[fields[key].name] = fields[key].metadata["read"](value)
        except ValueError as error:
            problems.append(f"{key}: must be {error}")
    if not problems:
        settings = Settings(**values)
        problems = contradictions(settings)
    if problems:
        raise ContextError("the CDK context (cdk.json, -c key=value) is not usable:\n  " + "\n  ".join(problems))
    return settings


def key_help() -> list[tuple[str, str, str]]:
    """Return (context key, default, meaning) of every setting, for the documentation and its test."""
    rows = []
    for item in dataclasses.fields(Settings):
        default = "" if item.default in (None, ()) else str(item.default)
        rows.append(
            (
                camel(item.name),
                default.lower() if isinstance(item.default, bool) else default,
                item.metadata["meaning"],
            )
        )
    return rows
