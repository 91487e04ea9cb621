"""The function, called in the test's process."""

import sys
from typing import TYPE_CHECKING, Any, cast

import pytest

from lambda_src import handler, metrics
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import Context, Output, Record, failed_ids

if TYPE_CHECKING:
    import logging


class Function:
    """The function in a new execution environment, as Lambda starts one."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *records: Record, seconds: float = 30) -> list[str]:
        """Invoke it with one batch, `seconds` before its time-out; return the messageIds that it calls failed."""
        return failed_ids(self.invoke({"Records": list(records)}, seconds))

    def invoke(self, event: Any, seconds: float = 30) -> Any:
        """Invoke it with any event; return its response."""
        log = cast("logging.StreamHandler[Any]", metrics.logger.registered_handler)
        previous = log.setStream(sys.stdout)  # at its import, standard output was another
        try:
            return handler.lambda_handler(event, Context(seconds))
        finally:
            log.setStream(previous or sys.stdout)

    def read_output(self) -> Output:
        """Return what it has printed since the last call."""
        return Output.parse(self._capture.readouterr().out)

    def read_errors(self) -> str:
        """Return what it has written to standard error since the last read of any output."""
        return self._capture.readouterr().err

    def restart(self) -> None:
        """Replace the execution environment: drop its connection, salt and other resources."""
        if handler.get_resources.cache_info().currsize:
            handler.get_resources().database.close()
        handler.get_resources.cache_clear()


def function_environment(database: Scratch, salt: SaltParameter) -> dict[str, str]:
    """Return all environment variables of the function."""
    return database.environment("ingest") | salt.aws.environment | {"SALT_PARAMETER": salt.name}
