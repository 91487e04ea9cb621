"""One, 25 and 250 events in a message: events a second from the queue to the row, and the requests billed."""

import json
import secrets
import threading
import time
from typing import Any

from bench.contenders import load_handler, quiet_output
from bench.metering import Meter
from bench.prices import REQUESTS_MILLION
from bench.servers import Servers
from local.generator import generate_logins
from local.queues import create_queue, delete_queue
from ops.event_source import EventSource
from ops.items import Item
from ops.packing import make_parcels
from ops.queues import Queue

EVENTS, QUICK_EVENTS = 10_000, 1_000
PACKS = (1, 25, 250)
EVENTS_A_BATCH = 5_000
AT_ONCE = 100


def measure(servers: Servers, *, quick: bool) -> dict[str, Any]:
    """For each number of events in a message: seconds to send and to write, requests as AWS would bill them."""
    count = QUICK_EVENTS if quick else EVENTS
    items = [Item(number, json.dumps(login)) for number, login in enumerate(generate_logins(count, seed=11), 1)]
    size = sum(len(item.body) for item in items) / count
    handler = load_handler()
    return {"bytes_an_event": round(size), **{str(pack): _measure(servers, handler, items, pack) for pack in PACKS}}


def _measure(servers: Servers, handler: Any, items: list[Item], pack: int) -> dict[str, Any]:  # noqa: ANN401
    created = create_queue(servers.aws.sqs, f"packing-{secrets.token_hex(4)}", visibility_seconds=60, max_receives=5)
    meter = Meter(servers.aws.sqs)
    queue = Queue(servers.aws.sqs, created.url)
    parcels = list(make_parcels(items, pack))
    began = time.perf_counter()
    for start in range(0, len(parcels), AT_ONCE):
        if queue.send([{"MessageBody": parcel.body} for parcel in parcels[start : start + AT_ONCE]]).failures:
            raise RuntimeError("the emulator refused a message")
    sent = time.perf_counter()
    batch_size = max(10, EVENTS_A_BATCH // pack)
    with quiet_output():
        EventSource(servers.aws.sqs, created.url, handler, batch_size, window_seconds=1, poll_seconds=1).run(
            threading.Event(), until_empty=True
        )
    done = time.perf_counter()
    delete_queue(servers.aws.sqs, created)
    return {
        "messages": len(parcels),
        "send_seconds": round(sent - began, 3),
        "write_seconds": round(done - sent, 3),
        "events_a_second": round(len(items) / (done - began)),
        "requests": dict(meter.requests),
        "events_a_request": round(len(items) / meter.total, 1),
        "queue_a_million": round(meter.total / len(items) * REQUESTS_MILLION, 4),
    }
