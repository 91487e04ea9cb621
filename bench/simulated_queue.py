"""SQS as the simulation sees it."""

import math
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import simpy


class Queue:
    """Messages with their arrival; waiting pollers get theirs in turn."""

    def __init__(self, environment: "simpy.Environment", a_call: int) -> None:
        """Takes the most messages that one call may take."""
        self._environment = environment
        self._a_call = a_call
        self._messages: deque[tuple[float, int]] = deque()
        self._waiting: deque[simpy.Event] = deque()
        self.length = 0

    def put(self, count: int) -> None:
        """Adds messages that arrive now, and wakes as many pollers as find some."""
        if count:
            self._messages.append((self._environment.now, count))
            self.length += count
        for _ in range(math.ceil(count / self._a_call)):
            if not self._waiting:
                return
            self._waiting.popleft().succeed()

    def wait(self) -> "simpy.Event":
        """Happens when a call of this poller would find something."""
        event = self._environment.event()
        if self.length:
            event.succeed()
        else:
            self._waiting.append(event)
        return event

    def give_up(self, event: "simpy.Event") -> None:
        """Ends a poller's wait."""
        if event in self._waiting:
            self._waiting.remove(event)

    def take(self, most: int) -> list[tuple[float, int]]:
        """The messages of one call, the oldest first: when they arrived, and how many."""
        left = min(most, self._a_call)
        taken = []
        while left and self._messages:
            arrived, count = self._messages.popleft()
            if count > left:
                self._messages.appendleft((arrived, count - left))
                count = left
            taken.append((arrived, count))
            left -= count
            self.length -= count
        return taken
