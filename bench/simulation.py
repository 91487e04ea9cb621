"""The pipeline past one machine, as a simulation with the costs measured on this one.

SQS is a queue of messages. The event source mapping is a number of pollers. Each poller receives up to ten messages a
call, gathers a batch and invokes the function with it. The function computes. Then Postgres works, as a server with
that many processors. Numbers are AWS's where AWS publishes them. All others are assumptions, and are called so.
"""

import math
import random
from typing import TYPE_CHECKING, Any

from bench.prices import MESSAGES_PER_CALL, billed_requests
from bench.scenario import Costs, Outcome, Scenario
from bench.simulated_queue import Queue

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    Steps = Generator[simpy.Event, Any, Any]

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
MORE_POLLERS_A_MINUTE = 300
INVOCATIONS_A_PROVISIONED_POLLER = 10

OVERLAP_FROM = 256  # rows. Postgres writes nothing of a smaller batch before the function has masked all of it.
TICK_SECONDS = 0.01  # Arrivals at high rates come in bunches, one each tick.


class Simulation:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, costs: Costs, seed: int = 1) -> None:
        import simpy  # noqa: PLC0415  only the benchmarks' environment has it

        self._scenario, self._costs = scenario, costs
        self._random = random.Random(seed)  # noqa: S311
        self._environment = simpy.Environment()
        self._queue = Queue(self._environment, MESSAGES_PER_CALL * scenario.bunch)
        self._sent = 0
        self._postgres = simpy.Resource(self._environment, scenario.processors)
        self._warm = self._running = 0
        self._pollers = 0
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Simulates until all that arrived is written, or for ten times the scenario's length."""
        environment, scenario = self._environment, self._scenario
        environment.process(self._arrive())
        environment.process(self._scale_pollers())
        environment.process(self._watch())
        limit = scenario.seconds * 10
        while environment.peek() < limit:
            environment.step()
            if environment.now > scenario.seconds and self._is_drained():
                break
        self.outcome.ended = environment.now
        return self.outcome

    def _is_drained(self) -> bool:
        return self._queue.length == 0 and self._running == 0 and self.outcome.messages == self._sent

    def _arrive(self) -> "Steps":
        scenario = self._scenario
        self._put(scenario.burst)
        rate = scenario.rate / scenario.events_a_message  # of messages
        step = TICK_SECONDS if rate > 1 / TICK_SECONDS else 0.0
        while self._environment.now < scenario.seconds and rate:
            yield self._environment.timeout(step or self._random.expovariate(rate))
            self._put(_poisson(self._random, rate * step) if step else 1)

    def _put(self, count: int) -> None:
        self._sent += count
        self._queue.put(count)

    def _scale_pollers(self) -> "Steps":
        scenario = self._scenario
        if scenario.provisioned:
            for _ in range(scenario.provisioned):
                self._add_poller()
            return
        for _ in range(min(scenario.first_pollers, scenario.most_pollers)):
            self._add_poller()
        while self._pollers < scenario.most_pollers:
            yield self._environment.timeout(60 / MORE_POLLERS_A_MINUTE)
            if self._queue.length > self._pollers * MESSAGES_PER_CALL:
                self._add_poller()

    def _add_poller(self) -> None:
        self._pollers += 1
        self._environment.process(self._poll())

    def _poll(self) -> "Steps":
        import simpy  # noqa: PLC0415

        at_once = INVOCATIONS_A_PROVISIONED_POLLER if self._scenario.provisioned else 1
        slots = simpy.Resource(self._environment, at_once)
        while True:
            batch = yield from self._collect()
            slot = slots.request()
            yield slot
            invocation = self._environment.process(self._invoke(batch, slots, slot))
            if not self._scenario.provisioned:
                yield invocation
                done = math.ceil(sum(count for _, count in batch) / MESSAGES_PER_CALL)
                yield self._environment.timeout(self._scenario.delete_seconds * done)

    def _collect(self) -> "Steps":
        environment, scenario = self._environment, self._scenario
        batch: list[tuple[float, int]] = []
        count, deadline = 0, math.inf
        while count < scenario.most_messages and environment.now < deadline:
            event = self._queue.wait()
            if count:
                yield event | environment.timeout(deadline - environment.now)
                self._queue.give_up(event)
            else:
                yield event
            taken = self._queue.take(scenario.most_messages - count)
            if not taken:
                continue
            if not count:
                deadline = environment.now + scenario.window
            batch += taken
            received = sum(number for _, number in taken)
            self.outcome.receives += billed_requests(received, scenario.message_bytes)
            count += received
            if scenario.batch_size > MESSAGES_PER_CALL:
                yield environment.timeout(scenario.call_seconds * scenario.bunch)
        return batch

    def _invoke(self, batch: list[tuple[float, int]], slots: "simpy.Resource", slot: Any) -> "Steps":  # noqa: ANN401
        environment, costs, outcome = self._environment, self._costs, self.outcome
        count = sum(number for _, number in batch) * self._scenario.events_a_message
        self._running += 1
        began = environment.now
        if self._running > self._warm:
            self._warm = self._running
            yield environment.timeout(costs.cold_start)
        computing = costs.function_batch + costs.function_event * count
        writing = costs.postgres_batch + costs.postgres_event * count
        yield environment.timeout(2 * self._scenario.round_trip)
        if count < OVERLAP_FROM:
            yield environment.timeout(computing)
            yield from self._write(writing)
        else:
            yield environment.timeout(computing) & environment.process(self._write(writing))
        self._running -= 1
        slots.release(slot)
        outcome.batches += 1
        outcome.busy += environment.now - began
        outcome.most_connections = max(outcome.most_connections, self._warm)
        outcome.latencies += [(environment.now - arrived, number) for arrived, number in batch]

    def _write(self, seconds: float) -> "Steps":
        with self._postgres.request() as processor:
            yield processor
            yield self._environment.timeout(seconds)
        self.outcome.postgres_busy += seconds

    def _watch(self) -> "Steps":
        while True:
            self.outcome.backlog.append((self._environment.now, self._queue.length))
            yield self._environment.timeout(1)


def _poisson(source: random.Random, mean: float) -> int:
    """A normal approximation where Knuth's way would take long."""
    if mean > 50:  # noqa: PLR2004
        return max(0, round(source.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, source.random()
    while product > limit:
        count += 1
        product *= source.random()
    return count
