"""The pipeline under fire: three functions in AWS's runtime emulator, with proxies before Postgres, SQS and SSM."""

import base64
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Self

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.aws import AwsEndpoint
from local.queues import create_queue
from ops.event_source import Delivery, EventSource
from tests.chaos.accounts import ANY_FAULT, Account
from tests.chaos.aws_front import AwsFront
from tests.chaos.database import Database
from tests.chaos.events import EventMaker
from tests.chaos.functions import DRAIN_SECONDS, FUNCTIONS, Functions
from tests.chaos.ledger import COLUMNS, Ledger
from tests.chaos.logs import Leaks
from tests.chaos.producer import Producer
from tests.chaos.proxy import PostgresProxy
from tests.chaos.queues import backlog, take_dead_letters
from tests.chaos.salt import SALT, Salt

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

VISIBILITY_SECONDS = 2  # far too short for the functions, so that SQS delivers many messages twice
MAX_RECEIVES = 1000


class Pipeline:
    """All parts, started, with event sources running; a context manager. Faults break the parts."""

    def __init__(self, directory: Path, seed: int) -> None:
        """Take an empty directory and the seed of the events."""
        random = Random(seed)  # noqa: S311  not for secrets
        self.directory = directory
        self.ledger = Ledger()
        self.letters: list[MessageTypeDef] = []  # dead letters that a fault has taken out of their queue
        self.aws = AwsEndpoint(directory)
        self.database = Database(directory)
        self.functions = Functions(directory, self.ledger)
        self.salt = Salt(self.aws, self.ledger)
        self.events = EventMaker(seed, random)
        self._random = random
        self._leaks = Leaks(directory, self.database)
        self._months = itertools.count()
        self._stopping = threading.Event()
        self._broken: list[Exception] = []  # errors that ended an event source
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            self._start(exits)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def wait_until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Wait for the condition and return whether it became true within that time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or self._broken:
                return False
            time.sleep(0.02)
        return True

    def wait_until_drained(self) -> bool:
        """Wait until the queue is empty and the functions are idle; return whether that happened in good time."""
        return self.wait_until(
            lambda: backlog(self.aws.sqs, self.queue) == 0 and self.functions.is_idle(), DRAIN_SECONDS
        )

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Stop the traffic during the block. The queue is empty when the block begins."""
        with self.producer.paused():
            if not self.wait_until_drained():
                raise RuntimeError("the queue did not become empty")
            yield

    def new_month(self) -> str:
        """Return the first day of a past month without events; the contract refuses future ones."""
        number = next(self._months)
        return f"{2001 + number // 12}-{number % 12 + 1:02}-01"

    def event_source(
        self, url: str, index: int, batch_size: int = 10, on_delivery: Callable[[Delivery], None] | None = None
    ) -> EventSource:
        """Return an event source that delivers the messages of a queue to a function."""

        def invoke(event: dict[str, Any]) -> object:
            return self.functions.invoke(index, event["Records"])

        window = 1 if batch_size > 10 else 0
        return EventSource(self.aws.sqs, url, invoke, batch_size, window, poll_seconds=1, on_delivery=on_delivery)

    def settle(self) -> dict[str, Account]:
        """Wait until no event is on its way, and compare what was sent with what arrived."""
        drained = self.wait_until_drained()
        if self._broken:
            raise self._broken[0]
        letters, self.letters = self.letters + take_dead_letters(self.aws.sqs, self.queue), []
        with self.database.connect() as connection, connection.cursor() as cursor:
            ids = self.ledger.event_ids()
            cursor.execute(f"SELECT {COLUMNS} FROM user_logins WHERE event_id = ANY(%s::uuid[])", (ids,))
            rows = cursor.fetchall()
            cursor.execute("SELECT event_id, reason FROM rejected_logins WHERE event_id = ANY(%s::uuid[])", (ids,))
            rejects = dict(cursor.fetchall())
            cursor.execute("SELECT count(*) FROM user_logins")
            ((total,),) = cursor.fetchall()
        accounts = self.ledger.settle(rows, rejects, letters, total, drained=drained)
        accounts[ANY_FAULT].problems += self._leaks.find()
        return accounts

    def _start(self, exits: ExitStack) -> None:
        exits.callback(self.aws.stop)
        self.aws.start()
        exits.callback(self.database.stop)
        self.database.start()
        self.salt.put()
        self.queue = create_queue(
            self.aws.sqs, "chaos", visibility_seconds=VISIBILITY_SECONDS, max_receives=MAX_RECEIVES
        )
        self.producer = Producer(self.aws.sqs, self.queue, self.ledger, self.events, self._random)
        self.proxy = PostgresProxy(self.database.server.port).start()
        exits.callback(self.proxy.refuse)
        self.front = AwsFront(self.aws.url)
        exits.callback(self.front.stop)
        self.front.start()
        exits.callback(self.functions.stop)
        self._start_thread(exits, "watcher", self._leaks.watch_statements, self._stopping)
        vault_key = _make_public_key()
        for index, configuration in enumerate(FUNCTIONS):
            # All functions but the first fill the vault.
            self.functions.start(self._environment() | ({"VAULT_PUBLIC_KEY": vault_key} if index > 0 else {}))
            source = self.event_source(self.queue.url, index, configuration.batch_size)
            self._start_thread(exits, f"event source {index}", self._poll, source)

    def _environment(self) -> dict[str, str]:
        return {
            **self.aws.environment,
            **self.database.environment(),
            "PGPORT": str(self.proxy.port),
            "AWS_ENDPOINT_URL": self.front.url,
            "SALT_PARAMETER": SALT,
            "DLQ_URL": self.queue.dead_letter_url.replace(self.aws.url, self.front.url),
            "LOG_LEVEL": "DEBUG",
            "POWERTOOLS_LOGGER_LOG_EVENT": "true",
            "POWERTOOLS_DEBUG": "true",
        }

    def _start_thread(self, exits: ExitStack, name: str, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, name=name)
        thread.start()
        exits.callback(thread.join)
        exits.callback(self._stopping.set)

    def _poll(self, source: EventSource) -> None:
        try:
            source.run(self._stopping)
        except Exception as error:  # noqa: BLE001  settle() raises it in the main thread
            self._broken.append(error)


def _make_public_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
