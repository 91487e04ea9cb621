"""The simulation beside a measured run: the event source on this machine, a real queue, the function, Postgres."""

import json
import threading
import time
from dataclasses import asdict
from typing import Any

from bench.contenders import load_handler, quiet_output
from bench.sampling import Sample
from bench.scenario import Costs, Outcome, Scenario
from bench.servers import Servers
from bench.simulation import Simulation
from local.generator import generate_logins
from local.queues import create_queue
from ops.event_source import EventSource
from ops.queues import Queue

RATE = 200.0  # messages a second
SECONDS = 30.0
QUICK_SECONDS = 6.0
BATCH_SIZE = 100
WINDOW = 1.0
SEND_AT_ONCE = 10


class _TimedQueue:
    """An SQS client that notes how long its receives and deletes take."""

    def __init__(self, sqs: Any) -> None:  # noqa: ANN401  boto3's clients have no class to name
        self._sqs = sqs
        self.receives: list[float] = []
        self.deletes: list[float] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._sqs, name)

    def receive_message(self, **parameters: Any) -> Any:  # noqa: ANN401
        """As the client's; only what found something counts."""
        started = time.perf_counter()
        answer = self._sqs.receive_message(**parameters)
        if answer.get("Messages") and parameters["WaitTimeSeconds"] == 0:
            self.receives.append(time.perf_counter() - started)
        return answer

    def delete_message_batch(self, **parameters: Any) -> Any:  # noqa: ANN401
        """As the client's."""
        started = time.perf_counter()
        answer = self._sqs.delete_message_batch(**parameters)
        self.deletes.append(time.perf_counter() - started)
        return answer


def measure(servers: Servers, costs: Costs, *, quick: bool) -> dict[str, Any]:
    """Latency and batches of a steady flow, measured and simulated with the same settings and costs."""
    seconds = QUICK_SECONDS if quick else SECONDS
    queue = _TimedQueue(servers.aws.sqs)
    measured = _run(servers, queue, seconds)
    scenario = Scenario(
        "this machine",
        RATE,
        seconds=seconds,
        batch_size=BATCH_SIZE,
        window=WINDOW,
        first_pollers=1,
        most_pollers=1,
        processors=1,
        round_trip=0.0,
        call_seconds=Sample.of(queue.receives).median,
        delete_seconds=Sample.of(queue.deletes).median,
    )
    simulated = Simulation(scenario, costs).run()
    return {
        "settings": asdict(scenario),
        "measured": _tell(measured),
        "simulated": _tell(simulated),
    }


def _run(servers: Servers, queue: _TimedQueue, seconds: float) -> Outcome:
    created = create_queue(servers.aws.sqs, "bench", visibility_seconds=60, max_receives=5)
    handler = load_handler()
    outcome = Outcome()
    stop = threading.Event()

    def invoke(event: dict[str, list[dict[str, Any]]]) -> object:
        response = handler(event)
        now = time.time()
        outcome.batches += 1
        outcome.latencies += [(now - int(r["attributes"]["SentTimestamp"]) / 1000, 1) for r in event["Records"]]
        return response

    source = EventSource(queue, created.url, invoke, BATCH_SIZE, WINDOW, poll_seconds=1)  # type: ignore[arg-type]
    with quiet_output():
        thread = threading.Thread(target=source.run, args=(stop,))
        thread.start()
        sent = _send(servers, created.url, seconds)
        deadline = time.monotonic() + 30
        while outcome.messages < sent and time.monotonic() < deadline:
            time.sleep(0.1)
        stop.set()
        thread.join()
    if outcome.messages != sent:
        raise RuntimeError(f"{outcome.messages} of {sent} messages were written")
    return outcome


def _send(servers: Servers, url: str, seconds: float) -> int:
    logins = generate_logins(round(RATE * seconds), seed=9)
    queue = Queue(servers.aws.sqs, url)
    began = time.monotonic()
    sent = 0
    while sent < RATE * seconds:
        bodies = [json.dumps(login) for _, login in zip(range(SEND_AT_ONCE), logins, strict=False)]
        sent += len(queue.send([{"MessageBody": body} for body in bodies]).message_ids)
        time.sleep(max(0.0, began + sent / RATE - time.monotonic()))
    return sent


def _tell(outcome: Outcome) -> dict[str, float]:
    return {
        "messages": outcome.messages,
        "median latency": round(outcome.latency(0.5), 3),
        "95 % latency": round(outcome.latency(0.95), 3),
        "messages a batch": round(outcome.messages / outcome.batches, 1),
    }
