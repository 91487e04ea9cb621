"""Runs the function as Lambda does: in AWS's Runtime Interface Emulator, or in this process."""

import contextlib
import http.client
import importlib
import json
import os
import socket
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from awslambdaric.lambda_context import LambdaContext

from local.emulator import get_emulator
from local.errors import FunctionError
from local.postgres import free_port
from local.process import ServerProcess
from local.state import ROOT

if TYPE_CHECKING:
    import io

HANDLER = "lambda_src.handler.lambda_handler"
FUNCTION_NAME = "login-pipeline"
FUNCTION_ARN = f"arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION_NAME}"
TIMEOUT_SECONDS = 30
MEMORY_MB = 512
INVOCATIONS = "/2015-03-31/functions/function/invocations"


class Function(Protocol):
    """A runtime that is invoked like a Lambda function."""

    log_path: Path

    def start(self) -> None:
        """Prepares the first invocation."""

    def invoke(self, event: dict[str, Any]) -> object:
        """Returns the decoded response; raises the error of a failed invocation."""

    def stop(self) -> None:
        """Ends the programs that `start` has started."""


class EmulatedFunction:
    """The function inside AWS's emulator of the Lambda runtime; one invocation at a time."""

    def __init__(self, environment: dict[str, str], directory: Path, handler: str = HANDLER) -> None:
        """Takes the function's environment variables and the directory for its log."""
        self._port = free_port()
        variables = {
            "PYTHONPATH": str(ROOT),
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(TIMEOUT_SECONDS),
            **environment,
        }
        command = [
            str(get_emulator()),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
            *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
            *("--log-level", "error"),
            *(sys.executable, "-m", "awslambdaric", handler),
        ]
        self._server = ServerProcess("function", command, variables, directory)
        self.log_path = self._server.log_path

    def start(self) -> None:
        """Starts the emulator; the function itself starts at its first invocation, as in Lambda."""
        self._server.start(self._listens, ROOT)

    def invoke(self, event: dict[str, Any]) -> object:
        """Returns the function's response; raises FunctionError, and OSError if the emulator does not run."""
        if not self._server.is_running:
            self._server.stop()
            self.start()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS + 30)
        try:
            connection.request("POST", INVOCATIONS, json.dumps(event), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        try:
            response = json.loads(body)
        except ValueError:
            # The emulator answers with plain text if the function has timed out.
            raise FunctionError("The function did not answer in time, or with no JSON.") from None
        # AWS marks a failed invocation with a header, the emulator only with this body.
        if answer.status != http.HTTPStatus.OK or (isinstance(response, dict) and "errorType" in response):
            raise FunctionError(f"The function raised {response.get('errorType', 'an error')}.")
        return response

    def stop(self) -> None:
        """Ends the emulator and the function."""
        self._server.stop()

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True
        return False


class InProcessFunction:
    """The function in this process, for a debugger and for systems without the emulator."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        """Takes the function's environment variables, which become this process's, and the directory for its log."""
        self.log_path = directory / "function.log"
        self._environment = {"AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME, **environment}
        self._log: io.TextIOWrapper | None = None

    def start(self) -> None:
        """Imports the function; its log lines go to the log file from then on."""
        os.environ.update(self._environment)
        self._log = self.log_path.open("a", encoding="utf-8", buffering=1)
        module, _, name = HANDLER.rpartition(".")
        with contextlib.redirect_stdout(self._log):
            self._handler = getattr(importlib.import_module(module), name)

    def invoke(self, event: dict[str, Any]) -> object:
        """Returns the function's response; raises the function's errors."""
        deadline = int((time.time() + TIMEOUT_SECONDS) * 1000)
        context = LambdaContext(str(uuid.uuid4()), None, None, deadline, FUNCTION_ARN)
        with contextlib.redirect_stdout(self._log):
            return self._handler(event, context)

    def stop(self) -> None:
        """Closes the log file."""
        if self._log is not None:
            self._log.close()
