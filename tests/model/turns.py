"""Runs two actors concurrently, one boundary at a time. The history decides whose turn it is, so it is repeatable."""

import threading
from collections.abc import Callable, Sequence
from typing import Literal

from tests.model.actors import Actor

POLL_SECONDS = 0.005
LONGEST_WAIT = 5.0  # limit for a wait that neither Postgres nor the boundaries explain
LONGEST_STANDSTILL = 60.0  # after which both count as waiting for each other; longer than any lock_timeout


class Gate:
    """The gate at which one actor waits for its turn."""

    def __init__(self, moved: threading.Event) -> None:
        self.state: Literal["new", "ready", "running", "done"] = "new"
        self._moved = moved
        self._turn = threading.Semaphore(0)

    def arrive(self) -> None:
        """Waits until it is this actor's turn."""
        self.state = "ready"
        self._moved.set()
        self._turn.acquire()

    def open(self) -> None:
        """Lets the actor continue to its next boundary."""
        self.state = "running"
        self._turn.release()

    def leave(self) -> None:
        """The actor has finished."""
        self.state = "done"
        self._moved.set()


class Turns:
    """Runs two actors: the first for so many boundaries, then the second for so many, and so on."""

    def __init__(self, switches: Sequence[int], is_blocked: Callable[[int], bool]) -> None:
        """Takes the lengths of the turns, and whether a process of Postgres waits for a lock."""
        self._lengths = iter(switches)
        self._is_blocked = is_blocked
        self._moved = threading.Event()

    def run(self, jobs: Sequence[tuple[Actor, Callable[[], None]]]) -> None:
        """Waits until both have finished. After the last length, the current actor runs to its end."""
        threads = []
        actors = [actor for actor, _ in jobs]
        for actor, job in jobs:
            actor.gate = Gate(self._moved)
            threads.append(threading.Thread(target=self._work, args=(actor.gate, job), daemon=True))
            threads[-1].start()
        turn, left = 0, next(self._lengths, -1)
        while ready := self._wait(actors):
            if left == 0:
                turn, left = 1 - turn, next(self._lengths, -1)
            chosen = actors[turn] if actors[turn] in ready else ready[0]
            left -= 1
            assert chosen.gate is not None
            chosen.gate.open()
        for thread in threads:
            thread.join()

    def _work(self, gate: Gate, job: Callable[[], None]) -> None:
        gate.arrive()
        try:
            job()
        finally:
            gate.leave()

    def _wait(self, actors: Sequence[Actor]) -> list[Actor]:
        """The actors whose turn it can be, once the others wait for a lock or have finished; none: all is done."""
        waited = 0.0
        while True:
            self._moved.clear()
            states = [actor.gate.state if actor.gate is not None else "done" for actor in actors]
            ready = [actor for actor, state in zip(actors, states, strict=True) if state == "ready"]
            moving = [actor for actor, state in zip(actors, states, strict=True) if state in ("new", "running")]
            if not moving:
                return ready
            if self._moved.wait(POLL_SECONDS):
                continue
            waited += POLL_SECONDS
            blocked = [actor for actor in moving if actor.backend is not None and self._is_blocked(actor.backend)]
            if not ready and waited > LONGEST_STANDSTILL:
                raise AssertionError("Neither of the two actors moves or ends.")
            if ready and (len(blocked) == len(moving) or waited > LONGEST_WAIT):
                return ready
