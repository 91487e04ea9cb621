"""Chooses the pipeline of a command without --stack: the environment's, or the local stack that is up."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ops.errors import OpsError
from ops.settings import PLACES

if TYPE_CHECKING:
    from local.state import Description

NAMES = [place.variable for place in PLACES.values()]
# Variables that would direct a command for the local stack to another pipeline.
FOREIGN = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "DB_IAM_AUTH")
PREFIXES = ("PG", "AWS_ENDPOINT_URL")


class Choice(NamedTuple):
    """The local stack's PG* variables by role, and whether a person should hear that it was chosen."""

    logins: dict[str, dict[str, str]]
    is_news: bool


def choose_pipeline(directory: Path | None, role: str, *, forced: bool) -> Choice | None:
    """Sets the environment variables of the local stack if a command is to work on it.

    A command works on the local stack with `forced`, if the environment names no pipeline, or if the environment names
    this same stack. Returns None if it does not. Raises OpsError if the stack has to be used but is not up.
    """
    stack = find_local_stack(directory)
    if stack is None:
        if forced:
            raise OpsError("The local stack is not up. Start it: loginpipe up")
        return None
    is_configured = any(os.environ.get(name, "").strip() for name in (*NAMES, "PGHOST"))
    is_this_one = os.environ.get("QUEUE_URL") == stack.queue
    if is_configured and not is_this_one and not forced:
        return None
    for name in list(os.environ):
        if name in NAMES or name in FOREIGN or name.startswith(PREFIXES):
            del os.environ[name]
    os.environ.update(stack.environment(role))
    return Choice(stack.logins, not is_configured)


def find_local_stack(directory: Path | None) -> "Description | None":
    """Returns the local stack that is up; None if none is, or if the extra `local` is not installed."""
    if find_spec("psutil") is None or find_spec("local") is None:
        return None
    from local.state import find_stack, get_directory  # noqa: PLC0415  an optional part

    return find_stack(directory or get_directory())
