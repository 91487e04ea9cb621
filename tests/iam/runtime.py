"""Runs the functions of a template in this process, each with its own variables and credentials."""

import contextlib
import importlib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from ops.cli import main
from tests.iam.account import Account, Function
from tests.iam.callers import EVERYTHING, Caller, Place, function_callers, stranger
from tests.iam.database_front import DatabaseFront
from tests.iam.resolution import REGION
from tests.support import Context

PERSON = "person"  # an administrator who runs the command line
INHERITED = ("AWS_", "PG", "QUEUE_URL", "DLQ_URL", "SALT_PARAMETER", "VAULT_")


def access_keys(account: Account) -> dict[str, Caller]:
    """Returns the callers by access key."""
    callers = {access_key(name, place): caller for (name, place), caller in function_callers(account).items()}
    return callers | {PERSON: stranger(identity=(EVERYTHING,), name="Administrator")}


def access_key(function: str, place: Place) -> str:
    """Returns the access key of a function's role at a place."""
    return f"{function}{place.value}"


@dataclass
class Runtime:
    """Runs functions and the command line. `database` has variables that replace variables of the template."""

    account: Account
    patch: pytest.MonkeyPatch
    url: str = ""  # of the server in front of AWS
    front: DatabaseFront | None = None
    database: dict[str, str] = field(default_factory=dict)
    operations: set[str] = field(default_factory=set)  # the operations that were invoked

    def invoke(self, name: str, event: Any) -> Any:
        """Runs a function with an event; returns the result."""
        function = self.account.functions[name]
        if self.front is not None and "PGHOST" in function.environment:
            self.front.resource_id = self.account.databases[function.environment["PGHOST"]]
        self.operations.add(event.get("operation", ""))
        module, _, handler = function.handler.rpartition(".")
        with self._environment(self._variables(function)):
            code = importlib.import_module(module)
            try:
                return getattr(code, handler)(event, Context(30))
            finally:
                _forget(code)

    def command(self, *words: str) -> "Finished":
        """Runs the command line as a person."""
        out, err = io.StringIO(), io.StringIO()
        with (
            self._environment(self._credentials(PERSON)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main(("--stack", "any", "--json", *words))
        return Finished(code, out.getvalue(), err.getvalue())

    def client(self, service: str, key: str) -> Any:
        """Returns a client with the credentials of an access key."""
        session: Any = boto3.Session(key, "secret", region_name=REGION)
        return session.client(service, endpoint_url=self.url)

    def _variables(self, function: Function) -> dict[str, str]:
        return {
            **function.environment,
            **(self.database if "PGHOST" in function.environment else {}),
            **self._credentials(access_key(function.name, Place.CODE)),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
        }

    def _credentials(self, key: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "COLUMNS": "200",
        }

    @contextlib.contextmanager
    def _environment(self, variables: Mapping[str, str]) -> Iterator[None]:
        with self.patch.context() as patch:
            for name in [name for name in os.environ if name.startswith(INHERITED)]:
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            patch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials of its first use
            yield


@dataclass(frozen=True)
class Finished:
    """The result of a command."""

    code: int
    out: str
    err: str


def _forget(code: Any) -> None:
    """Closes the resources of the function, because the next function has other credentials."""
    resources = getattr(code, "get_resources", None)
    if resources is not None and resources.cache_info().currsize:
        resources().database.close()
        resources.cache_clear()
