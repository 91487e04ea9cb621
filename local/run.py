"""One run: it starts a new stack, sends events and waits until each of them is stored."""

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from itertools import islice

import psycopg2

from lambda_src.errors import PipelineError
from local.errors import FunctionError, LocalStackError
from local.outcome import Outcome, sum_metric
from local.queues import receive_letters
from local.stack import Stack, StackSettings
from ops.event_source import Delivery
from ops.items import Item
from ops.packing import make_parcels
from ops.queues import Queue

TICK_SECONDS = 0.25
PARCELS_AT_ONCE = 100
SHOW_SECONDS = 1.0
PATIENCE_SECONDS = 300.0
FAILING_SECONDS = 15


class Run:
    """Sends bodies through its own stack.

    It ends when each message is settled. The event source deletes a message only after the COMMIT and the quarantine
    of its rejects, or the message is in the dead-letter queue. The run looks at each message, because SQS's counts
    are estimates.
    """

    def __init__(
        self, settings: StackSettings, on_progress: Callable[[int, int], None], on_notice: Callable[[str], None]
    ) -> None:
        """Take what to call with the numbers of sent and settled events, and with a line for the user."""
        # Other runs may use the same emulator. They must not see these messages.
        name = f"{settings.queue_name}-{secrets.token_hex(4)}"
        self._settings = replace(settings, queue_name=name, quarantine=True)
        self._on_progress = on_progress
        self._on_notice = on_notice
        self._sent: dict[str, int] = {}  # events of each message
        self._lock = threading.Lock()  # guards what the event source's thread writes: the next line, and the error
        self._deleted: set[str] = set()
        self._letters: dict[str, str] = {}  # the event of each message in the dead-letter queue
        self._outcome = Outcome()
        self._error: Exception | None = None  # of the last invocation
        self._last_success = 0.0

    def execute(self, bodies: Iterable[str], pack: int = 1) -> Outcome:
        """Run from start to end, with `pack` events in each message. Raises LocalStackError."""
        started = time.monotonic()
        items = (Item(number, body) for number, body in enumerate(bodies, 1))
        parcels = make_parcels(items, pack)
        with Stack(self._settings, self._note_delivery) as stack:
            self._last_success = time.monotonic()
            queue, show_at = Queue(stack.aws.sqs, stack.queue.url), 0.0
            while chunk := list(islice(parcels, PARCELS_AT_ONCE)):
                sent = queue.send([{"MessageBody": parcel.body} for parcel in chunk])
                self._sent |= {id_: len(chunk[index].items) for index, id_ in sent.message_ids.items()}
                self._outcome.refused += sum(len(chunk[index].items) for index in sent.failures)
                # This reads all messages so far, so it must not run for each chunk of a million messages.
                if time.monotonic() >= show_at:
                    self._show_progress()
                    show_at = time.monotonic() + SHOW_SECONDS
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
        """Wait until it is over. Give up if no message is settled for `patience` seconds."""
        deadline = time.monotonic() + patience
        before = self._settled
        while not is_over() and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
            if notice := stack.supervise():
                self._on_notice(notice)
            self._check_function(stack)
            if self._settled == before:  # The redrive policy may have moved it to the dead letters.
                self._letters |= receive_letters(stack.aws.sqs, stack.queue.dead_letter_url)
            else:
                before, deadline = self._settled, time.monotonic() + patience
            self._show_progress()

    def _check_function(self, stack: Stack) -> None:
        """Give up if the function fails for a long time. Its error says what to do."""
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
                self._outcome.read_tables(cursor)
        except psycopg2.OperationalError:
            return False  # somebody killed the server at the last moment
        return True
