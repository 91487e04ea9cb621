"""Which pipeline a command works on, where --stack does not say: the environment's, or the local stack that is up."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import OpsError
from ops.settings import PLACES

if TYPE_CHECKING:
    from local.state import Description

NAMES = [place.variable for place in PLACES.values()]
# They would lead a command on the local stack elsewhere.
FOREIGN = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "DB_IAM_AUTH")
PREFIXES = ("PG", "AWS_ENDPOINT_URL")


def choose_pipeline(directory: Path | None, role: str, *, forced: bool) -> bool:
    """Puts the variables of the local stack into the environment where a command is to work on it.

    That is so with `forced`, where the environment names no pipeline, and where it names this very stack. Returns
    whether a person should hear of it. Raises OpsError where the stack is wanted and is not up.
    """
    stack = find_local_stack(directory)
    if stack is None:
        if forced:
            raise OpsError("The local stack is not up. Start it: loginpipe up")
        return False
    is_configured = any(os.environ.get(name, "").strip() for name in (*NAMES, "PGHOST"))
    is_this_one = os.environ.get("QUEUE_URL") == stack.queue
    if is_configured and not is_this_one and not forced:
        return False
    for name in list(os.environ):
        if name in NAMES or name in FOREIGN or name.startswith(PREFIXES):
            del os.environ[name]
    os.environ.update(stack.environment(role))
    return not is_configured


def find_local_stack(directory: Path | None) -> "Description | None":
    """The local stack that is up; None where none is, or where the extra `local` is not installed."""
    if find_spec("psutil") is None or find_spec("local") is None:
        return None
    from local.state import find_stack, get_directory  # noqa: PLC0415  an optional part

    return find_stack(directory or get_directory())
