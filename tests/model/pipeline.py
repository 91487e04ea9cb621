"""Calls the real code: the function with a batch, the operator with a command line. No other file here does so."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from unittest import mock

import boto3
import psycopg2
import pyarrow.parquet
import typer.main
from psycopg2 import extensions

import lambda_src.database
import lambda_src.migrate
import ops.queues
from lambda_src import handler, metrics
from lambda_src.errors import PipelineError
from ops.cli import main
from ops.errors import Exit
from ops.sqs_event import make_record
from tests.model import processes
from tests.model.actors import Actor, Killed, acting
from tests.ops.lake_reader import newest_manifests
from tests.support import Context, Record

if TYPE_CHECKING:
    import logging

MONTHS_AHEAD = 1  # few partitions: a switch to daily ones makes thirty tables of each


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    how: Literal["done", "failed", "killed"]
    value: Any = None  # failed messageIds of a batch; what a command printed as JSON
    text: str = ""  # of the error


class Function:
    """One execution environment of the function, or its replacement after a kill."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables
        self._resources: handler.Resources | None = None

    @property
    def resources(self) -> handler.Resources:
        """Salt, connection, quarantine and vault of this environment."""
        assert self._resources is not None
        return self._resources

    def restart(self, **changes: str) -> None:
        """Drops all state, and restarts with other variables."""
        self.close()
        self.variables |= changes
        with mock.patch.dict(os.environ, self.variables):
            self._resources = _MAKE_RESOURCES()

    def close(self) -> None:
        """Ends its connection."""
        if self._resources is not None:
            self._resources.database.close()

    def invoke(self, actor: Actor, records: list[Record]) -> Outcome:
        """Invokes the function with a batch."""
        processes.running.function = self
        try:
            with acting(actor):
                answer = handler.lambda_handler({"Records": records}, Context(3600))
        except Killed:
            self.restart()
            return Outcome("killed")
        except PipelineError as error:
            return Outcome("failed", text=f"{type(error).__name__}: {error}")
        return Outcome("done", [failure["itemIdentifier"] for failure in answer["batchItemFailures"]])


class Operator:
    """The operator's command line."""

    def run(self, actor: Actor, *words: str) -> Outcome:
        """Runs a command; as the role that the actor names."""
        with processes.captured() as (output, errors):
            try:
                with acting(actor):
                    code = main(["--json", *words])
            except Killed:
                return Outcome("killed")
            except OSError as error:
                return Outcome("failed", text=str(error))  # of the boundary, which nobody has explained
        # A command that found nothing to do counts as successful if it printed a result.
        if code == Exit.DONE or (code == Exit.NOTHING and output.getvalue()):
            return Outcome("done", json.loads(output.getvalue()))
        return Outcome("failed", text=errors.getvalue())


def daily_partitions(actor: Actor, environment: dict[str, str]) -> Outcome:
    """Migrates with the switch to daily partitions."""
    try:
        with acting(actor):
            connection = psycopg2.connect(user=environment["PGUSER"])
            try:
                lambda_src.migrate.migrate(connection, daily_partitions=True)
            finally:
                connection.close()
    except Killed:
        return Outcome("killed")
    except (PipelineError, psycopg2.Error) as error:
        return Outcome("failed", text=str(error))
    return Outcome("done")


def migrate(connection: extensions.connection) -> None:
    """Migrates an empty database to the newest schema, with few partitions."""
    with mock.patch.object(lambda_src.migrate, "MONTHS_AHEAD", MONTHS_AHEAD):
        lambda_src.migrate.migrate(connection)


def record_of(message: Any, queue_arn: str) -> Record:
    """Returns a message of SQS in the form in which the event source passes it to the function."""
    return make_record(message, queue_arn)


def complete_archives(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Returns the logins of every archive under `root` that matches its newest manifest."""
    found = {}
    for manifest in newest_manifests(root):
        logins = []
        for file in manifest["files"]:
            path = root / file["name"]
            if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
                break
            table = pyarrow.parquet.read_table(path, partitioning=None).drop_columns("written_at")
            logins += [row | {"create_date": row["create_date"].isoformat()} for row in table.to_pylist()]
        else:
            if len(logins) == manifest["logins"]:
                found[manifest["archive"]] = logins
    return found


@contextmanager
def quick() -> Iterator[None]:
    """Lets functions share this process during the block, and does slow, idempotent work only once."""
    log = cast("logging.StreamHandler[Any]", metrics.logger.registered_handler)
    client = cache(boto3.client)
    processes.unlock_properties()
    with Path(os.devnull).open("w") as nowhere:
        previous = log.setStream(nowhere)
        with (
            mock.patch.object(handler, "get_resources", _get_resources),
            mock.patch.object(lambda_src.database, "Watchdog", _NoWatchdog),
            mock.patch.object(ops.queues, "WAIT_SECONDS", 0),
            mock.patch.object(lambda_src.migrate, "MONTHS_AHEAD", MONTHS_AHEAD),
            mock.patch.object(typer.main, "get_command", cache(typer.main.get_command)),
            mock.patch.object(boto3, "client", client),
            processes.operators_clock(),
        ):
            yield
        log.setStream(previous or sys.stdout)


def _get_resources() -> handler.Resources:
    function: Function = processes.running.function
    return function.resources


class _NoWatchdog:
    """Replaces the watchdog. The model has no time limit, and each watchdog would be a thread."""

    def watching(self, *_: object) -> Any:
        return nullcontext()


_MAKE_RESOURCES = handler.get_resources.__wrapped__
