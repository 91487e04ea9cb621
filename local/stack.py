"""Runs the whole pipeline on one machine: Postgres, SQS and SSM, the function and its event source."""

import contextlib
import shutil
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg2
from botocore.exceptions import BotoCoreError, ClientError
from psycopg2 import extensions

from lambda_src.new_salt import put_new_salt
from local.aws import AwsEndpoint
from local.database import DATABASE, create_database, dsn
from local.errors import LocalStackError
from local.postgres import PostgresServer
from local.process import end_leftovers
from local.queues import create_queue, delete_queue
from local.runtime import EmulatedFunction, Function, InProcessFunction
from local.vault import create_vault_key
from ops.event_source import Delivery, EventSource
from ops.timing import smallest_visibility

if TYPE_CHECKING:
    from collections.abc import Callable

POSTGRES = "postgres"  # the server's part of the directory
WINDOW_SECONDS = 1
# SQS counts receives of rejected messages and of messages in an outage alike. So these two numbers set two times: how
# long Postgres may be down before good messages go to the dead-letter queue, and how long a bad message takes to get
# there: 6 s x 20 = 120 s. AWS advises larger numbers (six times the function's timeout, at least 5 receives). With less
# than 6 s, a worker on this queue would have no time for a write.
VISIBILITY_SECONDS = smallest_visibility(WINDOW_SECONDS)
MAX_RECEIVES = 20
BATCH_SIZE = 100
# A user who killed Postgres as an experiment may want to restart it by hand.
RESTART_SECONDS = 10


@dataclass(frozen=True)
class StackSettings:
    """The settings of a stack."""

    directory: Path  # used by this stack only; emptied at the start
    queue_name: str = "login-events"
    in_process: bool = False
    visibility_seconds: int = VISIBILITY_SECONDS
    max_receives: int = MAX_RECEIVES
    batch_size: int = BATCH_SIZE
    fifo: bool = False
    vault: bool = False  # whether originals are sealed
    quarantine: bool = False  # whether the function itself sends rejects to the dead-letter queue
    envelope: str = "none"  # kind of envelope, as in ENVELOPE


class Stack:
    """A running pipeline. As a context manager, it leaves only the directory with logs and data behind."""

    def __init__(self, settings: StackSettings, on_delivery: "Callable[[Delivery], None] | None" = None) -> None:
        """Takes a function that the event source's thread calls after each batch."""
        directory = settings.directory
        self.settings = settings
        self.postgres = PostgresServer(directory / POSTGRES)
        self.aws = AwsEndpoint(directory)
        self.function: Function
        self.salt_parameter = f"/{settings.queue_name}/salt"
        self._on_delivery = on_delivery
        self._exits = ExitStack()
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._postgres_missed_at: float | None = None

    def __enter__(self) -> Self:
        """Starts everything; after a failure, stops the started parts and raises LocalStackError."""
        with ExitStack() as exits:
            self._start(exits)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._exits.close()

    def connect(self) -> extensions.connection:
        """Connects to the database as its owner; raises psycopg2.OperationalError while Postgres is down."""
        connection = psycopg2.connect(dsn(self.postgres.environment(DATABASE)))
        connection.autocommit = True
        return connection

    def supervise(self) -> str | None:
        """Restarts Postgres if it has been down for a while; returns a line about it for the user.

        Call it regularly. Raises LocalStackError if another part has ended.
        """
        if self._failure is not None:
            raise LocalStackError(f"the event source has ended: {self._failure}")
        if self.aws.has_ended:
            raise LocalStackError(f"MiniStack has ended; its log is in {self.settings.directory}")
        if self.postgres.pid is not None:
            self._postgres_missed_at = None
            return None
        now = time.monotonic()
        if self._postgres_missed_at is None:
            self._postgres_missed_at = now
            return f"Postgres is gone; in {RESTART_SECONDS} s it is started again"
        if now - self._postgres_missed_at < RESTART_SECONDS:
            return None
        self.postgres.start()
        return "Postgres was started again"

    def _start(self, exits: ExitStack) -> None:
        # Programs that an owner left running when it was killed.
        end_leftovers(self.settings.directory)
        self.postgres.stop()
        shutil.rmtree(self.settings.directory, ignore_errors=True)
        self.settings.directory.mkdir(parents=True)
        exits.callback(end_leftovers, self.settings.directory)  # programs of an interrupted owner
        exits.callback(self.aws.stop)
        self.aws.start()
        exits.callback(self.postgres.stop)
        self.postgres.start()
        self.logins = create_database(self.postgres, self.settings.directory)
        parameter = self.salt_parameter
        put_new_salt(self.aws.ssm, parameter, None, overwrite=True)
        exits.callback(self._forget, lambda: self.aws.ssm.delete_parameter(Name=parameter))
        self.vault_key = create_vault_key(self.aws.kms) if self.settings.vault else None
        self.queue = create_queue(
            self.aws.sqs,
            self.settings.queue_name,
            visibility_seconds=self.settings.visibility_seconds,
            max_receives=self.settings.max_receives,
            fifo=self.settings.fifo,
        )
        exits.callback(self._forget, lambda: delete_queue(self.aws.sqs, self.queue))
        environment = {
            **self.aws.environment,
            **self.logins["ingest"],
            **({"VAULT_PUBLIC_KEY": self.vault_key.public} if self.vault_key else {}),
            **({"DLQ_URL": self.queue.dead_letter_url} if self.settings.quarantine else {}),
            "ENVELOPE": self.settings.envelope,
            "SALT_PARAMETER": parameter,
            "POWERTOOLS_SERVICE_NAME": "login-pipeline",
            "POWERTOOLS_METRICS_NAMESPACE": "LoginPipeline",
        }
        function = InProcessFunction if self.settings.in_process else EmulatedFunction
        self.function = function(environment, self.settings.directory)
        exits.callback(self.function.stop)
        self.function.start()
        source = EventSource(
            self.aws.sqs,
            self.queue.url,
            self.function.invoke,
            batch_size=self.settings.batch_size,
            window_seconds=WINDOW_SECONDS,
            poll_seconds=1,
            on_delivery=self._on_delivery,
        )
        thread = threading.Thread(target=self._poll, args=(source,), name="event source")
        exits.callback(self._end, thread)  # set before the start, because a signal may interrupt the start
        thread.start()

    def _end(self, thread: threading.Thread) -> None:
        self._stopping.set()
        if thread.ident is not None:
            thread.join()

    def _poll(self, source: EventSource) -> None:
        try:
            source.run(self._stopping)
        except Exception as error:  # noqa: BLE001  supervise() raises it in the main thread
            self._failure = error

    def _forget(self, delete: "Callable[[], object]") -> None:
        """Deletes this stack's resources in an emulator that keeps running."""
        if not self.aws.is_ours:
            with contextlib.suppress(BotoCoreError, ClientError):
                delete()
