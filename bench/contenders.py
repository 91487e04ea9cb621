"""What takes turns in a comparison: the function, a raw COPY, or another way to write a batch."""

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from bench.events import Batches, Context, Event
from lambda_src.handler import lambda_handler
from lambda_src.masking import Salt, mask_login
from lambda_src.parsing import parse_event
from lambda_src.sqs import make_event
from lambda_src.writing import COPY_LOGINS

Handler = Callable[[Event], dict[str, Any]]


@contextmanager
def quiet_output() -> Iterator[None]:
    """Discard standard output, also what is written to its descriptor. It is line-buffered, as in Lambda."""
    sys.stdout.flush()
    saved = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)
        os.close(nowhere)


def load_handler() -> Handler:
    """Return the function, to run in this process."""
    context: Any = Context()
    return lambda event: dict(lambda_handler(event, context))


def load_writer() -> Callable[[Event], None]:
    """Return the function, to run in this process. It raises an error if it does not write every message."""
    handler = load_handler()

    def write(event: Event) -> None:
        if handler(event)["batchItemFailures"]:
            raise RuntimeError("the function did not write a batch of the benchmark")

    return write


def finished_rows(event: Event, salt: Salt) -> bytes:
    """Return the rows of a batch of valid messages as COPY text, sorted by key."""
    lines = [mask_login(parse_event(make_event(message)), salt).line for message in event["Records"]]
    return "".join(sorted(lines)).encode()


class RawCopy:
    """COPY of finished rows into the same table, with its COMMIT. No way to write can be much faster."""

    def __init__(self) -> None:
        self._connection = psycopg2.connect("")
        self._salt = Salt(os.urandom(32), 1)

    def prepare(self, event: Event) -> io.BytesIO:
        """Make the rows of an event; this is not measured."""
        return io.BytesIO(finished_rows(event, self._salt))

    def make(self, batches: Batches, size: int) -> io.BytesIO:
        """Make `size` rows; this is not measured."""
        return self.prepare(batches.make(size))

    def write(self, rows: io.BytesIO) -> None:
        """Write the rows; this is measured."""
        with self._connection, self._connection.cursor() as cursor:
            cursor.copy_expert(COPY_LOGINS, rows, 65_536)


@dataclass
class Contender:
    """A way to write, and the seconds that its rounds took."""

    name: str
    prepare: Callable[[], Any]
    write: Callable[[Any], object]
    seconds: float  # no more rounds after this time
    taken: list[float] = field(default_factory=list)

    def take_turn(self, _: int) -> None:
        """Run one round, unless the time is used up."""
        if sum(self.taken) >= self.seconds:
            return
        batch = self.prepare()
        started = time.perf_counter()
        self.write(batch)
        self.taken.append(time.perf_counter() - started)
