"""The operator function: runs one operation next to the database, for whoever IAM lets invoke it."""

import logging
import os
from typing import TYPE_CHECKING, Any

from lambda_src.aws_logs import silence_sdk
from ops.errors import UsageError
from ops.operations.registry import CUSTODIAN, OPERATOR, Json, run
from ops.operations.site import Site

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SCHEDULE = "schedule"  # the actor of what nobody has typed

silence_sdk()
logger = logging.getLogger("ops")
logger.setLevel(logging.INFO)


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> Json:
    """Runs `event["operation"]` with `event["arguments"]` for `event["actor"]`; raises PipelineError.

    The environment's OPERATIONS says which half this function runs: `operator` or `custodian`.
    """
    name = event.get("operation")
    allowed = {"operator": OPERATOR, "custodian": CUSTODIAN}[os.environ["OPERATIONS"]]
    if name not in allowed:
        raise UsageError(f"This function does not run the operation {name!r}.")
    actor = str(event.get("actor") or SCHEDULE)
    # Arguments can hold what somebody looks for: they stay out of the log.
    logger.info("operation %s", name, extra={"operation": name, "actor": actor})
    return run(name, event.get("arguments", {}), Site(lambda: actor, context.aws_request_id))
