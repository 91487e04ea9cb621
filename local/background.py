"""A stack that stays up, in a process that `up` starts and `down` ends."""

import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import boto3
import psycopg2
from botocore.exceptions import BotoCoreError, ClientError

from local.aws import CLIENT_CONFIG
from local.database import dsn
from local.errors import LocalStackError
from local.interruption import uninterrupted
from local.postgres import PostgresServer
from local.process import end_leftovers, end_process, read_pid_file, write_pid_file
from local.stack import POSTGRES
from local.state import ROOT, UP, Description, description_path, find_stack, pid_path

START_SECONDS = 60
LAST_LINES = 5

COUNT_TABLES = "SELECT (SELECT count(*) FROM user_logins), (SELECT count(*) FROM rejected_logins)"


@dataclass(frozen=True)
class Counts:
    """The numbers of messages in the parts of a stack; those in queues are SQS's estimates."""

    rows: int
    rejects: int
    waiting: int
    in_flight: int
    dead_letters: int


class Background:
    """The background stack of a directory. A directory has at most one."""

    def __init__(self, directory: Path) -> None:
        """Takes the directory that `loginpipe` works in."""
        self.directory = directory / UP  # of the stack's files; log and pid file lie beside it
        self.log_path = directory / f"{UP}.log"
        self._home = directory

    @property
    def is_started(self) -> bool:
        """Whether the stack's process runs: the stack is up or starting."""
        return read_pid_file(pid_path(self._home)) is not None

    def find(self) -> Description | None:
        """How to reach the stack, if it is up."""
        return find_stack(self._home)

    def up(self, options: list[str]) -> Description:
        """Starts the stack, empty, with options of local.serve; raises LocalStackError."""
        try:
            if not self.is_started:
                self.down()  # stops the leftovers of a killed stack
                self._launch(options)
            return self._wait()
        except (KeyboardInterrupt, LocalStackError):
            self.down()
            raise

    def down(self) -> bool:
        """Stops the stack and all its programs; returns whether it was up."""
        pid = read_pid_file(pid_path(self._home))
        if pid is not None:
            end_process(pid)
        end_leftovers(self.directory)
        PostgresServer(self.directory / POSTGRES).stop()
        description_path(self._home).unlink(missing_ok=True)
        pid_path(self._home).unlink(missing_ok=True)
        return pid is not None

    def explain_absence(self) -> str:
        """Returns the reason why no stack is up."""
        if self.is_started:
            return "The stack is starting: try again in a few seconds."
        if pid_path(self._home).exists():
            return f"The stack has ended by itself. {self.last_words()}\nStart it again: loginpipe up"
        return "The stack is not up. Start it: loginpipe up"

    def last_words(self) -> str:
        """Returns the end of the stack's log, and the log's path."""
        try:
            lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        text = "\n".join(lines[-LAST_LINES:])
        return f"The end of {self.log_path} says:\n{text}" if text else f"{self.log_path} does not say why."

    def _wait(self) -> Description:
        deadline = time.monotonic() + START_SECONDS
        while (description := self.find()) is None:
            if not self.is_started or time.monotonic() > deadline:
                raise LocalStackError(f"The stack did not start. {self.last_words()}")
            time.sleep(0.05)
        return description

    def _launch(self, options: list[str]) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "local.serve", str(self._home), *options]
        with self.log_path.open("wb") as log, uninterrupted():
            child = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            write_pid_file(pid_path(self._home), child.pid)


def count(description: Description) -> Counts:
    """Counts the messages of a stack that is up; raises LocalStackError if a part of it does not answer."""
    aws = description.aws
    client = boto3.client(
        "sqs",
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name=aws["AWS_REGION"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
        config=CLIENT_CONFIG,
    )
    try:
        with closing(psycopg2.connect(dsn(description.logins["analyst"]))) as connection, connection.cursor() as cursor:
            cursor.execute(COUNT_TABLES)
            rows, rejects = cursor.fetchall()[0]
        with closing(client) as sqs:
            queue = sqs.get_queue_attributes(QueueUrl=description.queue, AttributeNames=["All"])["Attributes"]
            dead = sqs.get_queue_attributes(QueueUrl=description.dead_letter_queue, AttributeNames=["All"])[
                "Attributes"
            ]
    except (psycopg2.Error, BotoCoreError, ClientError) as error:
        raise LocalStackError(f"A part of the stack does not answer ({type(error).__name__}): try again.") from None
    return Counts(
        rows,
        rejects,
        int(queue["ApproximateNumberOfMessages"]),
        int(queue["ApproximateNumberOfMessagesNotVisible"]),
        int(dead["ApproximateNumberOfMessages"]),
    )
