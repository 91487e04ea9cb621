"""An operator function: runs one operation next to the database. IAM decides who may invoke it."""

import logging
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lambda_src.aws_logs import silence_sdk
from lambda_src.errors import PipelineError
from ops.errors import UsageError
from ops.operations.audits import newest_head
from ops.operations.registry import OPERATIONS, Json, run
from ops.operations.site import Site

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SCHEDULE = "schedule"  # the actor of scheduled operations

silence_sdk()
logger = logging.getLogger("ops")
logger.setLevel(logging.INFO)


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> Json:
    """Runs `event["operation"]` with `event["arguments"]` for `event["actor"]`; raises PipelineError.

    The variable OPERATIONS names the operator whose operations this function runs.
    """
    name = event.get("operation")
    if name not in OPERATIONS[os.environ["OPERATIONS"]]:
        raise UsageError(f"This function does not run the operation {name!r}.")
    actor = str(event.get("actor") or SCHEDULE)
    # Arguments can hold personal data, so they are not logged.
    logger.info("operation %s", name, extra={"operation": name, "actor": actor})
    with closing(Site(lambda: actor, context.aws_request_id)) as site:
        try:
            return run(name, event.get("arguments", {}), site)
        finally:
            _log_head(site)


def _log_head(site: Site) -> None:
    """Logs the head of the audit table, because the owner of the database cannot change the log."""
    if not site.has_used_database:
        return
    try:
        head = newest_head(site)
    except PipelineError as error:
        logger.warning("the end of the audit table is not known: %s", error)
    else:
        logger.info("audit head %s", head)
