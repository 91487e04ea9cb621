"""`python -m bench simulate`: the pipeline past one machine, as a simulation with the costs measured on this one.

SQS is a queue of messages; the event source mapping is a number of pollers, each of which receives up to ten messages a
call, gathers a batch and invokes the function with it; the function computes, then Postgres works, as a server with so
many processors. Where AWS publishes a number it is used; what it does not publish is an assumption, and named one.
"""

import math
import random
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bench.prices import (
    BYTES_AN_EVENT,
    MESSAGES_PER_CALL,
    SECONDS_A_MONTH,
    MonthlyPrice,
    Traffic,
    billed_requests,
    price_month,
)
from ops.sqs_event import LARGEST_PAYLOAD

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    Steps = Generator[simpy.Event, Any, Any]

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
FIRST_POLLERS = 5
MORE_POLLERS_A_MINUTE = 300
MOST_POLLERS = 1_250
# Of provisioned pollers: 10 calls a second, 10 invocations at once. Assumed of those in standard mode: the calls.
CALLS_A_SECOND = 10
INVOCATIONS_A_PROVISIONED_POLLER = 10

OVERLAP_FROM = 256  # rows: below, Postgres writes nothing before the function has masked all (64 KB are gathered)
TICK_SECONDS = 0.01  # arrivals of high rates come in bunches of so long


@dataclass(frozen=True)
class Costs:
    """Seconds, measured: for a batch, and for each of its events."""

    function_batch: float
    function_event: float
    postgres_batch: float
    postgres_event: float
    cold_start: float


@dataclass(frozen=True)
class Scenario:
    """What is simulated."""

    name: str
    rate: float  # events a second
    seconds: float = 120.0
    burst: int = 0  # messages that lie in the queue at the start
    batch_size: int = 1_000
    window: float = 5.0
    most_pollers: int = MOST_POLLERS  # MaximumConcurrency
    provisioned: int = 0  # pollers of provisioned mode; 0: standard mode
    first_pollers: int = FIRST_POLLERS
    processors: int = 2  # of Postgres
    round_trip: float = 0.001  # function to Postgres and back, 2 a batch
    call_seconds: float = 1 / CALLS_A_SECOND  # from one receive of a poller to its next
    delete_seconds: float = 0.0  # of a poller for each ten messages that are done
    events_a_message: int = 1
    bunch: int = 1  # calls of a poller that are simulated as one: for rates that would take long

    @property
    def message_bytes(self) -> int:
        """Of a message's body."""
        return self.events_a_message * BYTES_AN_EVENT

    @property
    def most_messages(self) -> int:
        """In a batch: it also closes at the largest payload of an invocation."""
        return min(self.batch_size, LARGEST_PAYLOAD // self.message_bytes)


@dataclass
class Outcome:
    """What came of it."""

    latencies: list[tuple[float, int]] = field(default_factory=list)  # seconds, messages
    batches: int = 0
    receives: int = 0  # requests of the pollers, as billed
    busy: float = 0.0  # seconds that the function ran, all environments together
    most_connections: int = 0
    backlog: list[tuple[float, int]] = field(default_factory=list)
    postgres_busy: float = 0.0
    ended: float = 0.0

    @property
    def messages(self) -> int:
        """How many were written."""
        return sum(count for _, count in self.latencies)

    def latency(self, share: float) -> float:
        """Seconds from the queue to the COMMIT that this share of the messages did not exceed."""
        wanted = share * self.messages
        for seconds, count in sorted(self.latencies):
            wanted -= count
            if wanted <= 0:
                return seconds
        return math.nan


class _Queue:
    """Messages with their arrival; waiting pollers get theirs in turn."""

    def __init__(self, environment: "simpy.Environment", a_call: int) -> None:
        self._environment = environment
        self._a_call = a_call
        self._messages: deque[tuple[float, int]] = deque()
        self._waiting: deque[simpy.Event] = deque()
        self.length = 0

    def put(self, count: int) -> None:
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
        if event in self._waiting:
            self._waiting.remove(event)

    def take(self, most: int) -> list[tuple[float, int]]:
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


class Simulation:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, costs: Costs, seed: int = 1) -> None:
        import simpy  # noqa: PLC0415  only the benchmarks' environment has it

        self._scenario, self._costs = scenario, costs
        self._random = random.Random(seed)  # noqa: S311
        self._environment = simpy.Environment()
        self._queue = _Queue(self._environment, MESSAGES_PER_CALL * scenario.bunch)
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


def make_scenarios() -> list[Scenario]:
    """The rates to look at, each as one would set it up, and a burst."""
    return [
        Scenario("1 a second", 1, seconds=600, most_pollers=40),
        Scenario("100 a second", 100, seconds=300, most_pollers=40),
        Scenario("100 a second, after an outage of an hour", 100, seconds=60, burst=360_000, most_pollers=40, bunch=2),
        Scenario("10,000 a second, with the settings for 100", 10_000, seconds=120, most_pollers=40, bunch=4),
        Scenario("10,000 a second", 10_000, seconds=300, most_pollers=250, processors=4, bunch=10),
        Scenario(
            "10,000 a second, 25 in a message", 10_000, seconds=300, most_pollers=250, processors=4, events_a_message=25
        ),
        Scenario(
            "10,000 a second, 250 in a message",
            10_000,
            seconds=300,
            most_pollers=250,
            processors=4,
            events_a_message=250,
        ),
        Scenario("10,000 a second, provisioned", 10_000, seconds=120, provisioned=150, processors=4, bunch=4),
        Scenario("100,000 a second", 100_000, seconds=300, processors=32, bunch=100),
        Scenario("100,000 a second, provisioned", 100_000, seconds=60, provisioned=1_500, processors=32, bunch=50),
    ]


def fit_costs(throughput: dict[str, Any], cpu: dict[str, Any], cold_start: dict[str, Any]) -> Costs:
    """The costs behind the best rounds of this machine: a straight line through the batches of 10 and of 10,000.

    Of the raw COPY for Postgres; of the stages for the function, and what is left of a batch of 10 is its fixed part.
    """
    sizes = throughput["sizes"]
    few, many = (sizes[size]["raw COPY"]["best"] for size in ("10", "10000"))
    postgres_event = (many - few) / 9_990
    function_event = cpu["stages"]["all: from records to COPY text"]["best"]
    function_batch = sizes["10"]["this function"]["best"] - few - 10 * function_event
    steps = cold_start["steps"]
    return Costs(
        max(0.0, function_batch),
        function_event,
        few - 10 * postgres_event,
        postgres_event,
        sum(steps[name]["median"] for name in ("import of the handler", "first salt", "first connection")),
    )


def price_scenario(scenario: Scenario, outcome: Outcome, bytes_a_row: float) -> MonthlyPrice:
    """What a month of the scenario's rate costs, by its simulated batches."""
    months = scenario.rate * SECONDS_A_MONTH / (outcome.messages * scenario.events_a_message)
    return price_month(
        Traffic(
            events=scenario.rate * SECONDS_A_MONTH,
            events_a_message=scenario.events_a_message,
            batches=outcome.batches * months,
            busy_seconds=outcome.busy * months,
            receives=outcome.receives * months,
            processors=scenario.processors,
            bytes_a_row=bytes_a_row,
        )
    )


def measure(costs: Costs, bytes_a_row: float) -> dict[str, Any]:
    """All scenarios: latency, backlog, connections, load of Postgres, price."""
    return {
        "costs": asdict(costs),
        "bytes_a_row": bytes_a_row,
        "scenarios": {scenario.name: _tell(scenario, costs, bytes_a_row) for scenario in make_scenarios()},
    }


def _tell(scenario: Scenario, costs: Costs, bytes_a_row: float) -> dict[str, Any]:
    outcome = Simulation(scenario, costs).run()
    price = price_scenario(scenario, outcome, bytes_a_row)
    cleared = [seconds for seconds, length in outcome.backlog if length > scenario.rate]
    return {
        "rate": scenario.rate,
        "processors": scenario.processors,
        "most_pollers": scenario.provisioned or scenario.most_pollers,
        "latency": {f"{share:.0%}": round(outcome.latency(share), 2) for share in (0.5, 0.95, 0.99)},
        "events_a_message": scenario.events_a_message,
        "messages_a_batch": round(outcome.messages / max(1, outcome.batches), 1),
        "most_connections": outcome.most_connections,
        "most_backlog": max(length for _, length in outcome.backlog),
        "backlog_until": round(max(cleared, default=0.0)),
        "postgres_load": round(outcome.postgres_busy / outcome.ended / scenario.processors, 4),
        "price": {name: round(value, 4) for name, value in {**asdict(price), "total": price.total}.items()},
    }
