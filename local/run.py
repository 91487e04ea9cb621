"""One run: a fresh stack, events sent, and a wait until each of them has found its place."""

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions

from lambda_src.errors import PipelineError
from local.errors import FunctionError, LocalStackError
from local.queues import receive_letters
from local.stack import Stack, StackSettings
from ops.event_source import Delivery
from ops.items import Item
from ops.packing import make_parcels
from ops.queues import Queue

TICK_SECONDS = 0.25
PARCELS_AT_ONCE = 100
PATIENCE_SECONDS = 300.0
FAILING_SECONDS = 15
ROWS_SHOWN = 5

Row = tuple[Any, ...]

COUNT_ROWS = """
    SELECT count(*), count(DISTINCT masked_device_id), count(DISTINCT masked_ip), count(*) - count(locale)
    FROM user_logins
"""
COUNT_EVENTS = """
    SELECT count(*) FROM (SELECT event_id FROM user_logins UNION SELECT event_id FROM rejected_logins) AS events
"""
COUNT_REJECTS = "SELECT reason, count(*) FROM rejected_logins GROUP BY reason ORDER BY count(*) DESC, reason"
SELECT_ROWS = """
    SELECT create_date::text, user_id, device_type, masked_ip, masked_device_id, locale, app_version_text(app_version)
    FROM user_logins ORDER BY event_id LIMIT %s
"""
SELECT_SHARED_DEVICES = """
    SELECT masked_device_id, users, logins FROM shared_devices ORDER BY logins DESC, masked_device_id LIMIT %s
"""
SELECT_SHARED_IPS = "SELECT masked_ip, users, logins FROM shared_ips ORDER BY logins DESC, masked_ip LIMIT %s"


@dataclass
class Outcome:
    """What became of the events of a run."""

    sent: int = 0
    messages: int = 0  # that they were sent in
    refused: int = 0  # by SQS itself, for their size or characters
    written: int = 0
    devices: int = 0  # different ones, among the rows
    ips: int = 0
    null_locales: int = 0
    duplicates: int = 0
    rejects: dict[str, int] = field(default_factory=dict)  # by reason
    dead_letters: int = 0
    lost: int = 0  # neither a row nor a reject: in the dead-letter queue without a reason, or still in the queue
    failed_batches: int = 0
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)
    shared_devices: list[Row] = field(default_factory=list)
    shared_ips: list[Row] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether each event that was sent is a row or a reject."""
        return self.lost == 0


class Run:
    """Sends bodies through a stack of its own.

    It is done when each message that SQS took was deleted by the event source, which does so after the COMMIT and the
    quarantine of its rejects only, or lies in the dead-letter queue: message by message, for SQS's counts are
    estimates.
    """

    def __init__(
        self, settings: StackSettings, on_progress: Callable[[int, int], None], on_notice: Callable[[str], None]
    ) -> None:
        """Takes what to call with the numbers of sent and settled events, and with a line for the user to read."""
        # In an emulator that is shared, no other run may see this one's messages.
        name = f"{settings.queue_name}-{secrets.token_hex(4)}"
        self._settings = replace(settings, queue_name=name, quarantine=True)
        self._on_progress = on_progress
        self._on_notice = on_notice
        self._sent: dict[str, int] = {}  # events of each message
        self._lock = threading.Lock()  # before what the event source's thread writes: the next line, and the error
        self._deleted: set[str] = set()
        self._letters: dict[str, str] = {}  # the event of each message in the dead-letter queue
        self._outcome = Outcome()
        self._error: Exception | None = None  # of the last invocation
        self._last_success = 0.0

    def execute(self, bodies: Iterable[str], pack: int = 1) -> Outcome:
        """Runs from start to end, `pack` events in a message; raises LocalStackError."""
        started = time.monotonic()
        items = (Item(number, body) for number, body in enumerate(bodies, 1))
        parcels = make_parcels(items, pack)
        with Stack(self._settings, self._note_delivery) as stack:
            self._last_success = time.monotonic()
            queue = Queue(stack.aws.sqs, stack.queue.url)
            while chunk := list(islice(parcels, PARCELS_AT_ONCE)):
                sent = queue.send([{"MessageBody": parcel.body} for parcel in chunk])
                self._sent |= {id_: len(chunk[index].items) for index, id_ in sent.message_ids.items()}
                self._outcome.refused += sum(len(chunk[index].items) for index in sent.failures)
                self._show_progress()
            self._outcome.sent, self._outcome.messages = sum(self._sent.values()), len(self._sent)
            self._wait(stack, lambda: self._sent.keys() <= self._settled, PATIENCE_SECONDS)
            self._letters |= receive_letters(stack.aws.sqs, stack.queue.dead_letter_url)
            self._outcome.dead_letters = len(set(self._letters.values()))
            self._outcome.duplicates = int(sum_metric(stack.function.log_path, "DuplicatesIgnored"))
            self._outcome.seconds = time.monotonic() - started
            self._wait(stack, lambda: self._read_tables(stack), PATIENCE_SECONDS)
        return self._outcome

    @property
    def _settled(self) -> set[str]:
        with self._lock:
            return self._deleted | self._letters.keys()

    def _note_delivery(self, delivery: Delivery) -> None:
        with self._lock:
            self._deleted |= delivery.deleted
            self._error = delivery.error
            if delivery.error is None:
                self._last_success = time.monotonic()
            else:
                self._outcome.failed_batches += 1

    def _show_progress(self) -> None:
        settled = sum(self._sent[message_id] for message_id in self._settled & self._sent.keys())
        self._on_progress(sum(self._sent.values()), settled)

    def _wait(self, stack: Stack, is_over: Callable[[], bool], patience: float) -> None:
        """Waits until it is over, as long as messages are settled; `patience` is how many seconds may pass without."""
        deadline = time.monotonic() + patience
        before = self._settled
        while not is_over() and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
            if notice := stack.supervise():
                self._on_notice(notice)
            self._check_function(stack)
            if self._settled == before:  # The redrive policy may have moved what the function could not quarantine.
                self._letters |= receive_letters(stack.aws.sqs, stack.queue.dead_letter_url)
            else:
                before, deadline = self._settled, time.monotonic() + patience
            self._show_progress()

    def _check_function(self, stack: Stack) -> None:
        """Gives up where the function raises again and again: a person has to act, as its error says."""
        with self._lock:
            error, last_success = self._error, self._last_success
        if error is not None and time.monotonic() - last_success > FAILING_SECONDS:
            is_clean = isinstance(error, (FunctionError, PipelineError))
            reason = str(error) if is_clean else f"The function raised {type(error).__name__}."
            raise LocalStackError(
                f"the function has failed for {FAILING_SECONDS} s. {reason} See {stack.function.log_path}"
            )

    def _read_tables(self, stack: Stack) -> bool:
        try:
            with closing(stack.connect()) as connection, connection.cursor() as cursor:
                self._read_with(cursor)
        except psycopg2.OperationalError:
            return False  # killed at the last moment
        return True

    def _read_with(self, cursor: extensions.cursor) -> None:
        cursor.execute(COUNT_ROWS)
        outcome = self._outcome
        outcome.written, outcome.devices, outcome.ips, outcome.null_locales = cursor.fetchall()[0]
        cursor.execute(COUNT_EVENTS)
        self._outcome.lost = self._outcome.sent - cursor.fetchall()[0][0]
        cursor.execute(COUNT_REJECTS)
        self._outcome.rejects = dict(cursor.fetchall())
        cursor.execute(SELECT_ROWS, (ROWS_SHOWN,))
        self._outcome.rows = cursor.fetchall()
        cursor.execute(SELECT_SHARED_DEVICES, (ROWS_SHOWN,))
        self._outcome.shared_devices = cursor.fetchall()
        cursor.execute(SELECT_SHARED_IPS, (ROWS_SHOWN,))
        self._outcome.shared_ips = cursor.fetchall()


def sum_metric(log: Path, name: str) -> float:
    """The sum of a metric over the lines in CloudWatch's embedded metric format that a function has logged."""
    total = 0.0
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if '"_aws"' in line and f'"{name}"' in line:
                with contextlib.suppress(ValueError):  # a line that a kill has cut short
                    values = json.loads(line).get(name, 0)
                    total += sum(values) if isinstance(values, list) else values
    return total
