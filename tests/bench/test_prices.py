"""The bill: requests as AWS counts them, held against what an emulator has seen, and the goal for packed messages."""

import dataclasses
import json
import secrets
import threading

import boto3
import pytest

from bench.metering import Meter
from bench.prices import BYTES_AN_EVENT, MESSAGES_PER_CALL, billed_requests
from bench.scenario import Costs, Scenario
from bench.simulate import price_scenario
from bench.simulation import Simulation
from local.aws import AwsEndpoint
from local.queues import create_queue, delete_queue
from ops.event_source import EventSource
from ops.items import Item
from ops.packing import make_parcels
from ops.queues import Queue

GOAL = 0.03  # US dollars a million events, for SQS, Lambda and KMS
COSTS = Costs(0.0003, 4.7e-06, 0.0004, 1.7e-05, 0.66)  # as measured: seconds


@pytest.mark.parametrize(
    ("messages", "size", "requests"),
    [
        (10, 220, 1),
        (10, 6_553, 1),
        (10, 6_554, 2),
        (1, 65_536, 1),
        (1, 65_537, 2),
        (0, 220, 0),
        (25, 220, 3),
        (3, 0, 1),
    ],
)
def test_each_64_kb_of_a_call_is_a_request(messages: int, size: int, requests: int) -> None:
    assert billed_requests(messages, size) == requests


@pytest.mark.parametrize(("pack", "events_a_request"), [(1, 10 / 3), (25, 250 / 3), (29, 290 / 3), (250, 2_500 / 19)])
def test_events_in_a_request(pack: int, events_a_request: float) -> None:
    """A message is sent, received and deleted."""
    payload = billed_requests(MESSAGES_PER_CALL, pack * BYTES_AN_EVENT)
    assert MESSAGES_PER_CALL * pack / (2 * payload + 1) == pytest.approx(events_a_request)


@pytest.mark.parametrize(("pack", "messages"), [(1, 100), (25, 20), (250, 4)])
def test_requests_are_those_that_an_emulator_sees(aws: AwsEndpoint, pack: int, messages: int) -> None:
    session = boto3.Session(
        aws.environment["AWS_ACCESS_KEY_ID"],
        aws.environment["AWS_SECRET_ACCESS_KEY"],
        region_name=aws.environment["AWS_REGION"],
    )
    sqs = session.client("sqs", endpoint_url=aws.url)
    created = create_queue(sqs, f"bill-{secrets.token_hex(4)}", visibility_seconds=60, max_receives=5)
    meter = Meter(sqs)
    body = json.dumps({"text": "x" * (BYTES_AN_EVENT - 13)})  # and a line break
    items = [Item(number, body) for number in range(messages * pack)]
    bodies = [parcel.body for parcel in make_parcels(items, pack)]
    assert len(bodies) == messages
    Queue(sqs, created.url).send([{"MessageBody": text} for text in bodies])
    source = EventSource(sqs, created.url, lambda _: None, batch_size=100, window_seconds=1, poll_seconds=1)
    source.run(threading.Event(), until_empty=True)
    delete_queue(sqs, created)
    payload = billed_requests(messages, len(bodies[0].encode()))
    assert meter.requests == {
        "send": payload,
        "receive": payload,
        "delete": -(-messages // MESSAGES_PER_CALL),
    }
    sqs.close()


def test_packed_messages_meet_the_goal_and_single_ones_do_not() -> None:
    scenario = Scenario("10,000 a second", 10_000, seconds=30, most_pollers=250, processors=4, bunch=10)
    for pack, is_met in ((1, False), (25, True), (250, True)):
        packed = dataclasses.replace(scenario, events_a_message=pack, bunch=10 if pack == 1 else 1)
        price = price_scenario(packed, Simulation(packed, COSTS).run(), bytes_a_row=500)
        assert (price.delivery_a_million <= GOAL) == is_met
