"""Runs all checks of a set-up, one after the other."""

from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.errors import PipelineError
from ops.checks.clock import check_clock
from ops.checks.database import check_database
from ops.checks.finding import Finding, Status
from ops.checks.function import check_function
from ops.checks.queue import check_queue
from ops.checks.salt import check_salt
from ops.target import Target


def examine(target: Target) -> Iterator[Finding]:
    """Yields all findings. An error in one check does not stop the next check.

    Raises PipelineError if the target is unknown, for example because no stack has the given name.
    """
    _ = target.settings
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


CHECKS: dict[str, Callable[[Target], Iterator[Finding]]] = {
    "caller": _check_caller,
    "queue": check_queue,
    "function": check_function,
    "clock": check_clock,
    "salt": check_salt,
    "database": check_database,
}
