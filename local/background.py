"""A stack that stays up: a process of its own that `up` starts and `down` ends."""

import json
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3
import psycopg2
from botocore.exceptions import BotoCoreError, ClientError

from local.aws import CLIENT_CONFIG
from local.database import analyst_environment, dsn, write_private
from local.errors import LocalStackError
from local.postgres import PostgresServer
from local.process import end_leftovers, end_process, exclusive, read_pid_file, write_pid_file
from local.runtime import ROOT
from local.stack import POSTGRES, Stack, StackSettings

START_SECONDS = 60
TICK_SECONDS = 0.5

COUNT_TABLES = "SELECT (SELECT count(*) FROM user_logins), (SELECT count(*) FROM rejected_logins)"


@dataclass(frozen=True)
class Description:
    """How to reach a stack that is up."""

    aws: dict[str, str]  # environment of an AWS client
    postgres: dict[str, str]  # environment of a Postgres client, as the role `analyst`
    queue: str  # URLs
    dead_letter_queue: str
    visibility_seconds: int
    max_receives: int


@dataclass(frozen=True)
class Counts:
    """Where the messages of a stack are; those in queues are SQS's estimates."""

    rows: int
    rejects: int
    waiting: int
    in_flight: int
    dead_letters: int


class Background:
    """The one stack of a directory that is kept up."""

    def __init__(self, directory: Path) -> None:
        """Takes the directory for the stack's files; log and pid file lie beside it."""
        self.directory = directory
        self.log_path = directory.with_suffix(".log")
        self._pid_path = directory.with_suffix(".pid")
        self._lock_path = directory.with_suffix(".lock")
        self._description_path = directory / "stack.json"

    def find(self) -> Description | None:
        """How to reach the stack, if it is up."""
        if read_pid_file(self._pid_path) is None:
            return None
        try:
            return Description(**json.loads(self._description_path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def up(self, *, in_process: bool) -> Description:
        """Starts the stack where it is not up, empty; raises LocalStackError."""
        if read_pid_file(self._pid_path) is None:
            self.down()  # what is left of one that was killed
            self._launch(in_process=in_process)
        deadline = time.monotonic() + START_SECONDS
        while (description := self.find()) is None:
            if read_pid_file(self._pid_path) is None or time.monotonic() > deadline:
                self.down()
                words = self.log_path.read_text(encoding="utf-8", errors="replace").strip()
                raise LocalStackError(f"the stack did not start; {self.log_path} says:\n{words}")
            time.sleep(0.05)
        return description

    def down(self) -> bool:
        """Ends the stack and all that belongs to it; returns whether it was up."""
        pid = read_pid_file(self._pid_path)
        if pid is not None:
            end_process(pid)
        end_leftovers(self.directory)
        PostgresServer(self.directory / POSTGRES).stop()
        self._description_path.unlink(missing_ok=True)
        self._pid_path.unlink(missing_ok=True)
        return pid is not None

    def serve(self, *, in_process: bool) -> None:
        """Is the stack, until a signal ends this process."""
        lock = exclusive(self._lock_path, "the stack is up already")
        with lock, Stack(StackSettings(self.directory, in_process=in_process)) as stack:
            description = Description(
                aws=stack.aws.environment,
                postgres=analyst_environment(self.directory, stack.postgres),
                queue=stack.queue.url,
                dead_letter_queue=stack.queue.dead_letter_url,
                visibility_seconds=stack.settings.visibility_seconds,
                max_receives=stack.settings.max_receives,
            )
            write_private(self._description_path, json.dumps(asdict(description)))
            while True:
                time.sleep(TICK_SECONDS)
                if notice := stack.supervise():
                    print(notice, flush=True)

    def _launch(self, *, in_process: bool) -> None:
        command = [sys.executable, "-m", "local", "--directory", str(self.directory.parent), "serve"]
        command += ["--in-process"] if in_process else []
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("wb") as log:
            child = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        write_pid_file(self._pid_path, child.pid)


def count(description: Description) -> Counts:
    """Counts the messages of a stack that is up; raises LocalStackError where a part of it does not answer."""
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
        with closing(psycopg2.connect(dsn(description.postgres))) as connection, connection.cursor() as cursor:
            cursor.execute(COUNT_TABLES)
            rows, rejects = cursor.fetchall()[0]
        with closing(client) as sqs:
            queue = sqs.get_queue_attributes(QueueUrl=description.queue, AttributeNames=["All"])["Attributes"]
            dead = sqs.get_queue_attributes(QueueUrl=description.dead_letter_queue, AttributeNames=["All"])[
                "Attributes"
            ]
    except (psycopg2.Error, BotoCoreError, ClientError) as error:
        raise LocalStackError(f"a part of the stack does not answer ({type(error).__name__}): try again") from None
    return Counts(
        rows,
        rejects,
        int(queue["ApproximateNumberOfMessages"]),
        int(queue["ApproximateNumberOfMessagesNotVisible"]),
        int(dead["ApproximateNumberOfMessages"]),
    )
