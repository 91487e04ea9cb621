"""The live view. A thread takes the samples, so that keys work while a part does not answer."""

import queue
import threading
import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from ops.live.drawing import draw
from ops.live.keys import Keys
from ops.live.rates import Rates, get_rates
from ops.live.sample import Sample
from ops.output import age

TICK_SECONDS = 0.2
SLOW_SECONDS = 3.0  # of waiting for a sample, after which the view says so


class View:
    """One live view of the pipeline that `look` samples."""

    def __init__(self, look: Callable[[], Sample], name: str, interval: float) -> None:
        self._look = look
        self._name = name
        self._interval = interval
        self._samples: queue.Queue[Sample | BaseException] = queue.Queue()
        self._asked_at: float | None = None
        self._due_at = 0.0
        self._is_paused = False
        self._sample: Sample | None = None
        self._rates = Rates()

    def run(self, console: Console) -> RenderableType | None:
        """Shows the view until q or Ctrl-C is pressed; returns the last sample. Raises unexpected errors of `look`."""
        try:
            with Keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
                drawn: object = None
                while True:
                    self._take()
                    state = (self._sample, self._is_paused, self._waits_for(), console.size)
                    if state != drawn:
                        live.update(self._draw(keys_are_there=keys.are_there), refresh=True)
                        drawn = state
                    key = keys.wait(TICK_SECONDS)
                    if key == "q":
                        break
                    if key == "p":
                        self._is_paused = not self._is_paused
        except KeyboardInterrupt:
            pass
        return draw(self._sample, self._rates, self._title()) if self._sample else None

    def _take(self) -> None:
        """Takes a finished sample, and requests the next one when it is due."""
        try:
            found = self._samples.get_nowait()
        except queue.Empty:
            pass
        else:
            self._asked_at = None
            if isinstance(found, BaseException):
                raise found
            if not self._is_paused:
                self._rates, self._sample = get_rates(self._sample, found), found
        now = time.monotonic()
        if self._asked_at is None and not self._is_paused and now >= self._due_at:
            self._asked_at, self._due_at = now, now + self._interval
            # A daemon thread: quitting does not wait for a sample.
            threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        try:
            self._samples.put(self._look())
        except BaseException as error:  # noqa: BLE001  raised again in the main thread
            self._samples.put(error)

    def _waits_for(self) -> int:
        """Returns the whole seconds of a long wait for a sample; 0 for a short one."""
        waited = 0.0 if self._asked_at is None else time.monotonic() - self._asked_at
        return int(waited) if waited >= SLOW_SECONDS else 0

    def _title(self) -> str:
        moment = self._sample.at if self._sample else time.time()
        return f"{self._name}  {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(moment))}"

    def _draw(self, *, keys_are_there: bool) -> RenderableType:
        keys = "p goes on, q quits" if self._is_paused else "p pauses, q quits"
        status = Text(keys if keys_are_there else "Ctrl-C quits", "dim")
        if self._is_paused:
            status = Text.assemble(("PAUSED  ", "bold yellow"), status)
        elif waited := self._waits_for():
            status = Text.assemble((f"no answer for {age(waited)}  ", "bold red"), status)
        if self._sample is None:
            return Group(Text(self._title(), "bold"), status, Text("The first figures are on their way …"))
        return Group(status, draw(self._sample, self._rates, self._title()))
