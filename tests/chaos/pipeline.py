"""The pipeline under fire: three functions in AWS's runtime emulator, with proxies before Postgres, SQS and SSM."""

import base64
import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Self

import psutil
import psycopg2
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from psycopg2 import extensions

from lambda_src.contract import MASKED
from lambda_src.migrate import migrate
from local.aws import AwsEndpoint
from local.errors import FunctionError
from local.generator import SPOILERS, generate_logins
from local.postgres import PostgresServer
from local.postgres_programs import binaries
from local.queues import create_queue
from local.runtime import EmulatedFunction
from ops.event_source import Delivery, EventSource
from ops.sqs_event import failed_messages
from tests.chaos.accounts import ANY_FAULT, Account
from tests.chaos.aws_front import AwsFront
from tests.chaos.ledger import COLUMNS, Ledger
from tests.chaos.proxy import PostgresProxy

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

DATABASE = "logins"
SALT = "/chaos/salt"
# Postgres logs all that it can: nothing of it may be an ip or a device_id.
POSTGRES_SETTINGS = {
    "max_connections": "40",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "fsync": "off",
    "log_statement": "all",
    "log_min_error_statement": "debug5",
    "log_error_verbosity": "verbose",
    "log_parameter_max_length_on_error": "-1",
}
VISIBILITY_SECONDS = 2  # far too short for the functions, so that many messages are delivered twice
MAX_RECEIVES = 1000
# Timeout, batch size and time zone of each function; all but the first fill the vault.
FUNCTIONS = ((6, 10, "UTC"), (6, 100, "Pacific/Kiritimati"), (12, 1000, "America/Los_Angeles"))
# What is sealed belongs to a row: the one is never committed without the other.
WITHOUT_LOGIN = " AND ".join(
    f"NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_{name} = o.pseudonym)" for name in MASKED
)
COUNT_ORPHANS = f"""
    SELECT count(*), count(*) FILTER (WHERE
        NOT EXISTS (SELECT FROM vault.data_keys k WHERE k.id = o.data_key) OR {WITHOUT_LOGIN})
    FROM vault.originals o
"""
DRAIN_SECONDS = 90
BACKLOG = 1500  # messages in the queue: MiniStack becomes slow with many
PORTION = 20  # events sent at once
BAD = 0.08
SENT_AGAIN = 0.04
NAMED = 0.4  # events that carry an event_id of the producer's own
NASTY = ("'); DROP TABLE user_logins; --", "\t\\N\n\\.", "$$;SELECT 1;$$", "é\u2028\U0001f600", "%s {0} \\x00 \r")
CANARY = "canary"  # in what is masked: must be in no log at all
VISITOR = "visitor"  # in what is not: must be in no log but Postgres', which is set to show its rows
LINE_SHOWN = 300  # characters: it is made up, after all
SEARCH_AGAIN = 4096  # bytes of a log: what was being written during the last search
# No address but the servers' own may be in a log. Times have two colons, addresses of IPv6 more.
ADDRESS = re.compile(
    r"(?<![\w.])(?!127\.0\.0\.1\b)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])|\b[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){3,}"
)

Record = dict[str, Any]


class Pipeline:
    """Everything started, with event sources running; a context manager."""

    def __init__(self, directory: Path, seed: int) -> None:
        """Takes an empty directory and the seed of the events."""
        self.directory = directory
        self.ledger = Ledger()
        self.fault = ""  # whose events are being sent
        self.timeouts = 0  # invocations that were ended for taking too long
        self.letters: list[MessageTypeDef] = []  # dead ones, taken out of their queue already
        self.crashes = 0  # invocations during which the runtime died
        self.aws = AwsEndpoint(directory)
        self.postgres = PostgresServer(directory / "postgres-0", POSTGRES_SETTINGS)
        self.password = secrets.token_urlsafe(16)
        self.functions: list[EmulatedFunction] = []
        self.locks = [threading.Lock() for _ in FUNCTIONS]
        self._noting = threading.Lock()  # before what several threads note: timeouts, crashes, leaks
        self._making = threading.Lock()
        self._sending = threading.Lock()
        self._random = Random(seed)  # noqa: S311  not for secrets
        self._logins = generate_logins(sys.maxsize, seed)
        self._vault_key = _make_public_key()
        self._salt_values: list[str] = []
        self._months = itertools.count()
        self._stopping = threading.Event()
        self._broken: list[Exception] = []
        self._seen: list[str] = []  # leaks that were seen since the last balance
        self._marks: list[int] = []
        self._searched: dict[Path, int] = {}
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            self._start(exits)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    # ---- the parts, for the faults to break ------------------------------------------------------------------------

    def connect(self, *, autocommit: bool = True, user: str | None = None) -> "closing[extensions.connection]":
        """A connection past the proxy, as superuser or as `ingest`; to be used with `with`."""
        environment = self.postgres.environment(DATABASE, user, self.password if user else None)
        connection = psycopg2.connect(
            host=environment["PGHOST"],
            port=environment["PGPORT"],
            dbname=DATABASE,
            user=environment["PGUSER"],
            password=environment["PGPASSWORD"],
        )
        connection.autocommit = autocommit
        return closing(connection)

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements as superuser; returns the rows of the last."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def put_salt(self, value: str | None = None) -> None:
        """Stores a new version of the salt: random, or a value that is none."""
        key = secrets.token_bytes(32)
        text = base64.b64encode(key).decode() if value is None else value
        if value is None:
            self.ledger.salts[len(self._salt_values) + 1] = key  # before a function can read it
        self._salt_values.append(text)
        self._put(text, len(self._salt_values))

    def restore_salts(self) -> None:
        """Stores all versions again after the parameter was deleted."""
        for version, value in enumerate(self._salt_values, 1):
            self._put(value, version)

    def runtimes(self) -> list[psutil.Process]:
        """The processes of the functions that are running now."""
        found = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.cmdline()[:3] == [sys.executable, "-m", "awslambdaric"]:
                    found.append(process)
        return found

    def kill_runtimes(self, processes: Sequence[psutil.Process] | None = None) -> int:
        """SIGKILL; returns how many processes got it."""
        count = 0
        for process in self.runtimes() if processes is None else processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
                count += 1
        return count

    def mark_logs(self) -> None:
        """`count_in_logs` counts from here on."""
        self._marks = [function.log_path.stat().st_size for function in self.functions]

    def count_in_logs(self, text: str) -> int:
        """How often the functions' logs have said `text` since they were marked."""
        count = 0
        for function, mark in zip(self.functions, self._marks, strict=True):
            count += _read_from(function.log_path, mark).count(text)
        return count

    def wait_until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Whether the condition has become true within that time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or self._broken:
                return False
            time.sleep(0.02)
        return True

    def new_month(self) -> str:
        """First day of a month that no other event is of; in the past: the contract refuses the future."""
        number = next(self._months)
        return f"{2001 + number // 12}-{number % 12 + 1:02}-01"

    def start_standby(self) -> PostgresServer:
        """A synchronous hot standby of the present server."""
        directory = self.directory / f"postgres-{uuid.uuid4().hex[:8]}"
        standby = PostgresServer(directory, POSTGRES_SETTINGS)
        directory.mkdir()
        command = [str(binaries() / "pg_basebackup"), "-D", str(standby.data), "-R", "--checkpoint=fast", "--no-sync"]
        environment = {**os.environ, **self.postgres.environment("postgres")}
        del environment["PGDATABASE"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        shutil.copy2(self.postgres.directory / "password", directory / "password")
        if os.geteuid() == 0:
            # The server runs as the owner of the first one's files.
            owner = self.postgres.data.stat()
            for path in (directory / "password", standby.data, *standby.data.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        standby.data.chmod(0o700)
        self._exits.callback(standby.stop, "immediate")
        standby.start()
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        return standby

    # ---- events ----------------------------------------------------------------------------------------------------

    def make_event(self) -> tuple[str, dict[str, str]]:
        """A body and its attributes: now and then bad, nasty or with an id of its own."""
        with self._making:
            return self._make_event(self._random)

    def _make_event(self, source: Random) -> tuple[str, dict[str, str]]:
        login = next(self._logins)
        login["device_id"] = f"{CANARY}-{login['device_id']}"
        login["user_id"] = f"{VISITOR}-{login['user_id']}" + (source.choice(NASTY) if source.random() < 0.05 else "")
        body = SPOILERS[source.choice(list(SPOILERS))](login) if source.random() < BAD else json.dumps(login)
        attributes = {}
        if source.random() < NAMED:
            name = uuid.UUID(int=source.getrandbits(128), version=4)
            attributes = {"event_id": source.choice((str(name), f"order {name}")), "sent_timestamp": str(_now())}
        return body, attributes

    def send(self, events: Sequence[tuple[str, dict[str, str]]]) -> None:
        """Puts events into the queue, some of them twice, as a producer does that is not sure."""
        again = [event for event in events if "event_id" in event[1] and self._random.random() < SENT_AGAIN]
        for batch in _tens([*events, *again]):
            entries = [
                {
                    "Id": str(index),
                    "MessageBody": body,
                    "MessageAttributes": {
                        name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()
                    },
                }
                for index, (body, attributes) in enumerate(batch)
            ]
            answer = self.aws.sqs.send_message_batch(QueueUrl=self.queue.url, Entries=entries)  # type: ignore[arg-type]
            for entry in answer["Successful"]:
                body, attributes = batch[int(entry["Id"])]
                self.ledger.record_sent(self.fault, entry["MessageId"], body, attributes)

    def make_records(self, events: Sequence[tuple[str, dict[str, str]]]) -> list[Record]:
        """Events that come past the queue: messages of their own, which the ledger knows."""
        records = []
        for body, attributes in events:
            record: Record = {
                "messageId": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
                "body": body,
                "attributes": {"SentTimestamp": str(_now())},
                "messageAttributes": {
                    name: {"dataType": "String", "stringValue": text} for name, text in attributes.items()
                },
            }
            self.ledger.record_sent(self.fault, record["messageId"], body, attributes)
            records.append(record)
        return records

    def deliver(self, index: int, records: Sequence[Record]) -> None:
        """Hands records to a function as a queue would: what failed is delivered again, as often as it takes."""
        left = list(records)
        deadline = time.monotonic() + DRAIN_SECONDS
        while left and time.monotonic() < deadline:
            self.ledger.record_delivered(left)
            try:
                failed = failed_messages(self.invoke(index, {"Records": left}), [r["messageId"] for r in left])
            except (FunctionError, OSError):
                time.sleep(0.2)
                continue
            left = [record for record in left if record["messageId"] in failed]

    def invoke(self, index: int, event: Record) -> object:
        """One invocation of a function; a function does one at a time."""
        with self.locks[index]:
            try:
                return self.functions[index].invoke(event)
            except FunctionError as error:
                with self._noting:
                    self.timeouts += "in time" in str(error)
                    self.crashes += "ExitError" in str(error)
                raise

    @contextmanager
    def traffic(self, least: int) -> Iterator[None]:
        """Within the block events are sent as fast as they are taken; at least so many, even when it is over."""
        stopping = threading.Event()
        sender = threading.Thread(target=self._send_traffic, args=(stopping, least), name="sender")
        sender.start()
        try:
            yield
        finally:
            stopping.set()
            sender.join()

    def _send_traffic(self, stopping: threading.Event, least: int) -> None:
        sent = 0
        while sent < least or not stopping.is_set():
            with self._sending:
                if self.backlog() < BACKLOG:
                    self.send([self.make_event() for _ in range(PORTION)])
                    sent += PORTION
            time.sleep(0.01 if least > PORTION * 100 else 0.1)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Within the block there is no traffic, and at its beginning the queue is empty."""
        with self._sending:
            if not self.wait_until_drained():
                raise RuntimeError("the queue did not become empty")
            yield

    def backlog(self) -> int:
        """Messages that are in the queue, hidden ones included."""
        answer = self.aws.sqs.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=["All"])["Attributes"]
        return int(answer["ApproximateNumberOfMessages"]) + int(answer["ApproximateNumberOfMessagesNotVisible"])

    def wait_until_drained(self) -> bool:
        """Whether the queue has become empty, and the functions idle, in good time."""

        def is_idle() -> bool:
            return self.backlog() == 0 and not any(lock.locked() for lock in self.locks)

        return self.wait_until(is_idle, DRAIN_SECONDS)

    def settle(self) -> dict[str, Account]:
        """Waits until nothing is on its way, and compares what was sent with what there is."""
        drained = self.wait_until_drained()
        if self._broken:
            raise self._broken[0]
        letters, self.letters = self.letters + self.take_dead_letters(), []
        with self.connect() as connection, connection.cursor() as cursor:
            ids = self.ledger.event_ids()
            cursor.execute(f"SELECT {COLUMNS} FROM user_logins WHERE event_id = ANY(%s::uuid[])", (ids,))
            rows = cursor.fetchall()
            cursor.execute("SELECT event_id, reason FROM rejected_logins WHERE event_id = ANY(%s::uuid[])", (ids,))
            rejects = dict(cursor.fetchall())
            cursor.execute("SELECT count(*) FROM user_logins")
            ((total,),) = cursor.fetchall()
        accounts = self.ledger.settle(rows, rejects, letters, total, drained=drained)
        accounts[ANY_FAULT].problems += self._leaks()
        return accounts

    def check_vault(self) -> list[str]:
        """What is wrong with the vault."""
        self.execute("SELECT vault.unfold(2147483647)")
        ((sealed, orphans),) = self.execute(COUNT_ORPHANS)
        return [f"{orphans} of {sealed} sealed originals have no row or no key"] if orphans or not sealed else []

    def take_dead_letters(self) -> "list[MessageTypeDef]":
        """All that is in the dead-letter queue, which is empty then."""
        letters: list[MessageTypeDef] = []
        while True:
            answer = self.aws.sqs.receive_message(
                QueueUrl=self.queue.dead_letter_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            messages = answer.get("Messages", [])
            if not messages:
                return letters
            letters += messages
            for message in messages:
                self.aws.sqs.delete_message(QueueUrl=self.queue.dead_letter_url, ReceiptHandle=message["ReceiptHandle"])

    def _leaks(self) -> list[str]:
        """Where personal data is in a log."""
        with self._noting:
            leaks, self._seen = self._seen, []
        for path in self.directory.rglob("*.log"):
            if path.name == "ministack.log":
                continue
            text = _read_from(path, self._searched.get(path, 0))
            self._searched[path] = path.stat().st_size - SEARCH_AGAIN
            forbidden = (CANARY,) if path.name == "postgres.log" else (CANARY, VISITOR)
            for line in text.splitlines():
                if any(mark in line for mark in forbidden) or ADDRESS.search(line):
                    leaks.append(f"personal data in {path.relative_to(self.directory)}: {line[:LINE_SHOWN]}")
        return leaks

    # ---- start -----------------------------------------------------------------------------------------------------

    def _start(self, exits: ExitStack) -> None:
        self._exits = exits
        exits.callback(self.aws.stop)
        self.aws.start()
        exits.callback(self.postgres.stop, "immediate")
        self.postgres.start()
        self._create_database()
        self.put_salt()
        self.queue = create_queue(
            self.aws.sqs, "chaos", visibility_seconds=VISIBILITY_SECONDS, max_receives=MAX_RECEIVES
        )
        self.proxy = PostgresProxy(self.postgres.port).start()
        exits.callback(self.proxy.refuse)
        self.front = AwsFront(self.aws.url)
        exits.callback(self.front.stop)
        self.front.start()
        watcher = threading.Thread(target=self._watch_statements, name="watcher")
        watcher.start()
        exits.callback(watcher.join)
        exits.callback(self._stopping.set)
        for index, (timeout, batch_size, zone) in enumerate(FUNCTIONS):
            self._start_function(exits, index, timeout, batch_size, zone)

    def _start_function(self, exits: ExitStack, index: int, timeout: int, batch_size: int, zone: str) -> None:
        directory = self.directory / f"function-{index}"
        directory.mkdir()
        environment = {
            **self.aws.environment,
            **self.postgres.environment(DATABASE, "ingest", self.password),
            "PGPORT": str(self.proxy.port),
            "AWS_ENDPOINT_URL": self.front.url,
            "SALT_PARAMETER": SALT,
            "DLQ_URL": self.queue.dead_letter_url.replace(self.aws.url, self.front.url),
            "LOG_LEVEL": "DEBUG",
            "POWERTOOLS_LOGGER_LOG_EVENT": "true",
            "POWERTOOLS_DEBUG": "true",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "TZ": zone,
        }
        if index > 0:
            environment["VAULT_PUBLIC_KEY"] = self._vault_key
        function = EmulatedFunction(environment, directory, "tests.chaos.function.lambda_handler")
        exits.callback(function.stop)
        function.start()
        self.functions.append(function)

        source = self.event_source(self.queue.url, index, batch_size)
        thread = threading.Thread(target=self._poll, args=(source,), name=f"event source {index}")
        thread.start()
        exits.callback(thread.join)
        exits.callback(self._stopping.set)

    def event_source(
        self, url: str, index: int, batch_size: int = 10, on_delivery: Callable[[Delivery], None] | None = None
    ) -> EventSource:
        """What feeds a queue to a function."""

        def invoke(event: Record) -> object:
            self.ledger.record_delivered(event["Records"])
            return self.invoke(index, event)

        window = 1 if batch_size > 10 else 0
        return EventSource(self.aws.sqs, url, invoke, batch_size, window, poll_seconds=1, on_delivery=on_delivery)

    def _watch_statements(self) -> None:
        """Looks now and then at what Postgres shows of the functions' statements."""
        while not self._stopping.wait(0.5):
            with contextlib.suppress(psycopg2.Error):
                shown = str(self.execute("SELECT query FROM pg_stat_activity WHERE usename = 'ingest'"))
                if CANARY in shown or ADDRESS.search(shown):
                    with self._noting:
                        self._seen.append("personal data in pg_stat_activity")

    def _poll(self, source: EventSource) -> None:
        try:
            source.run(self._stopping)
        except Exception as error:  # noqa: BLE001  settle() raises it in the main thread
            self._broken.append(error)

    def _create_database(self) -> None:
        environment = self.postgres.environment("postgres")
        parts = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
        arguments = {name: environment[variable] for name, variable in parts.items()}
        with closing(psycopg2.connect(**arguments, dbname="postgres")) as connection:  # type: ignore[call-overload]
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
        with self.connect(autocommit=False) as connection:
            migrate(connection)
        self.set_password(self.password)

    def set_password(self, password: str) -> None:
        """Changes the password of the role `ingest` in Postgres; the functions keep theirs."""
        self.execute(f"ALTER ROLE ingest PASSWORD '{password}'")

    def _put(self, value: str, version: int) -> None:
        answer = self.aws.ssm.put_parameter(Name=SALT, Type="SecureString", Value=value, Overwrite=True)
        if answer["Version"] != version:
            raise RuntimeError("the salt's versions are not counted as expected")


def _make_public_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _read_from(path: Path, position: int) -> str:
    with path.open("rb") as log:
        log.seek(max(0, position))
        if position > 0:
            log.readline()  # the rest of a line: half an address is another address
        return log.read().decode(errors="replace")


def _now() -> int:
    return int(time.time() * 1000)


def _tens(events: Sequence[tuple[str, dict[str, str]]]) -> Iterator[list[tuple[str, dict[str, str]]]]:
    for start in range(0, len(events), 10):
        yield list(events[start : start + 10])
