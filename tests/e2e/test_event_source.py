"""The event source mapping against a real SQS, with functions of a few lines."""

import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from local.aws import AwsEndpoint
from local.queues import LoginQueue, create_queue, delete_queue
from ops.event_source import Delivery, EventSource
from ops.queues import Queue
from ops.sqs_event import LARGEST_PAYLOAD
from tests.e2e.conftest import wait_until

Event = dict[str, list[dict[str, Any]]]
VISIBILITY_SECONDS = 1


def succeed(_event: Event) -> None:
    """A function that writes everything."""


def answering(response: object) -> Callable[[Event], object]:
    """A function that answers everything alike."""
    return lambda _event: response


class Bench:
    """A queue, and event sources that run until the end of the test."""

    def __init__(self, aws: AwsEndpoint) -> None:
        self.sqs = aws.sqs
        name = f"bench-{secrets.token_hex(4)}"
        self.queue: LoginQueue = create_queue(aws.sqs, name, visibility_seconds=VISIBILITY_SECONDS, max_receives=1000)
        self.deliveries: list[Delivery] = []
        self.sent: set[str] = set()
        self.stop = threading.Event()
        self.pool = ThreadPoolExecutor()

    def send(self, *bodies: str) -> list[str]:
        """Sends messages; returns their ids."""
        answer = Queue(self.sqs, self.queue.url).send([{"MessageBody": body} for body in bodies])
        sent = list(answer.message_ids.values())
        self.sent |= set(sent)
        return sent

    def source(self, invoke: Callable[[Event], object], **settings: Any) -> EventSource:
        """An event source of the queue."""
        settings = {"poll_seconds": 1, "on_delivery": self.deliveries.append, **settings}
        return EventSource(self.sqs, self.queue.url, invoke, **settings)

    def feed(self, invoke: Callable[[Event], object], **settings: Any) -> None:
        """Runs an event source in the background."""
        self.pool.submit(self.source(invoke, **settings).run, self.stop)

    def count_left(self) -> int:
        """How many messages are in the queue, visible or not: exact here, where nobody else works."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=["All"])["Attributes"]
        return int(answer["ApproximateNumberOfMessages"]) + int(answer["ApproximateNumberOfMessagesNotVisible"])

    def is_done(self) -> bool:
        """Whether the queue is empty and every delivery was told of: that comes after its messages are gone."""
        told = {message_id for delivery in self.deliveries for message_id in delivery.deleted}
        return self.sent <= told and self.count_left() == 0

    def close(self) -> None:
        """Ends everything."""
        self.stop.set()
        self.pool.shutdown()
        delete_queue(self.sqs, self.queue)


@pytest.fixture
def bench(aws: AwsEndpoint) -> Iterator[Bench]:
    made = Bench(aws)
    yield made
    made.close()


def test_failed_messages_stay_and_the_others_are_deleted(bench: Bench) -> None:
    ids = bench.send("good", "bad", "good", "bad")
    receives: Counter[str] = Counter()

    def invoke(event: Event) -> object:
        receives.update(record["messageId"] for record in event["Records"])
        failed = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    bench.feed(invoke)
    wait_until(lambda: receives[ids[1]] >= 2 and receives[ids[3]] >= 2)
    assert (receives[ids[0]], receives[ids[2]]) == (1, 1)
    assert bench.count_left() == 2


@pytest.mark.parametrize("response", [None, {"batchItemFailures": []}])
def test_success_deletes_the_whole_batch(bench: Bench, response: object) -> None:
    ids = bench.send("1", "2", "3")
    bench.feed(answering(response))
    wait_until(bench.is_done)
    assert {message_id for delivery in bench.deliveries for message_id in delivery.deleted} == set(ids)


@pytest.mark.parametrize(
    "response",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        "done",
    ],
)
def test_response_that_breaks_the_rules_fails_the_whole_batch(bench: Bench, response: object) -> None:
    ids = bench.send("1", "2", "3")
    bench.feed(answering(response))
    wait_until(lambda: bench.deliveries)
    assert bench.deliveries[0].failed == set(bench.deliveries[0].delivered) <= set(ids)
    assert bench.count_left() == 3


def test_unknown_identifier_beside_a_known_one_fails_the_whole_batch(bench: Bench) -> None:
    bench.send("1", "2", "3")
    bench.feed(
        lambda event: {
            "batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}, {"itemIdentifier": "unknown"}]
        }
    )
    wait_until(lambda: bench.deliveries)
    assert bench.count_left() == 3


def test_exception_fails_the_whole_batch_and_the_next_try_succeeds(bench: Bench) -> None:
    bench.send("1", "2", "3")
    broken = threading.Event()

    def invoke(event: Event) -> object:
        if not broken.is_set():
            broken.set()
            raise RuntimeError("out of order")
        return None

    bench.feed(invoke)
    wait_until(lambda: bench.deliveries)
    assert isinstance(bench.deliveries[0].error, RuntimeError)
    assert bench.deliveries[0].deleted == set()
    wait_until(bench.is_done)


def test_record_has_the_shape_that_lambda_gives_it(bench: Bench) -> None:
    attributes = {
        "text": {"DataType": "String", "StringValue": "è"},
        "number": {"DataType": "Number.int", "StringValue": "5"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent_after = time.time()
    sent = bench.sqs.send_message(QueueUrl=bench.queue.url, MessageBody='{"a": "ü"}', MessageAttributes=attributes)  # type: ignore[arg-type]
    events: list[Event] = []
    bench.feed(events.append)
    wait_until(lambda: events)
    (record,) = json.loads(json.dumps(events[0]))["Records"]
    assert record.pop("receiptHandle")
    sent_at = int(record["attributes"].pop("SentTimestamp"))
    assert sent_after - 1 <= sent_at / 1000 <= time.time()
    assert int(record["attributes"].pop("ApproximateFirstReceiveTimestamp")) >= sent_at
    arn = bench.sqs.get_queue_attributes(QueueUrl=bench.queue.url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    empty: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "messageId": sent["MessageId"],
        "body": '{"a": "ü"}',
        "attributes": {"ApproximateReceiveCount": "1", "SenderId": record["attributes"]["SenderId"]},
        "messageAttributes": {
            "text": {"stringValue": "è", "dataType": "String", **empty},
            "number": {"stringValue": "5", "dataType": "Number.int", **empty},
            "bytes": {"binaryValue": "AP8=", "dataType": "Binary", **empty},
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }


def test_batch_is_gathered_from_several_receives(bench: Bench) -> None:
    bench.send(*map(str, range(130)))
    bench.feed(succeed, batch_size=100, window_seconds=1)
    wait_until(bench.is_done)
    assert [len(delivery.delivered) for delivery in bench.deliveries] == [100, 30]


def test_window_closes_a_batch_that_is_not_full(bench: Bench) -> None:
    bench.feed(succeed, batch_size=100, window_seconds=1)
    bench.send("1")
    time.sleep(0.3)
    bench.send("2")
    wait_until(bench.is_done)
    assert [len(delivery.delivered) for delivery in bench.deliveries] == [2]


def test_batch_larger_than_an_invocation_takes_is_split(bench: Bench) -> None:
    sizes: list[int] = []
    ids = bench.send(*("ü" * 120_000 for _ in range(30)))  # 7.2 MB, and 21.6 MB once escaped as JSON
    bench.feed(lambda event: sizes.append(len(json.dumps(event))), batch_size=1000, window_seconds=1)
    wait_until(bench.is_done)
    assert max(sizes) <= LARGEST_PAYLOAD + 100
    assert {message_id for delivery in bench.deliveries for message_id in delivery.deleted} == set(ids)


def test_stop_lets_the_batch_in_hand_end(bench: Bench) -> None:
    bench.send("1", "2", "3")
    at_work = threading.Event()

    def invoke(event: Event) -> None:
        at_work.set()
        time.sleep(0.3)

    thread = threading.Thread(target=bench.source(invoke).run, args=(bench.stop,))
    thread.start()
    assert at_work.wait(10)
    bench.stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert sum(len(delivery.deleted) for delivery in bench.deliveries) + bench.count_left() == 3
    assert bench.deliveries[0].deleted == set(bench.deliveries[0].delivered)


def test_several_threads_deliver_each_message_once(bench: Bench) -> None:
    ids = bench.send(*map(str, range(200)))
    source = bench.source(succeed)
    for _ in range(4):
        bench.pool.submit(source.run, bench.stop)
    wait_until(bench.is_done)
    assert Counter(message_id for delivery in bench.deliveries for message_id in delivery.delivered) == Counter(ids)


def test_receipt_handle_that_is_outdated_is_no_deletion(bench: Bench) -> None:
    bench.send("1")

    def invoke(event: Event) -> None:
        """Takes longer than the visibility timeout, so that somebody else receives the message meanwhile."""
        if not bench.deliveries:
            time.sleep(VISIBILITY_SECONDS + 0.2)
            assert bench.sqs.receive_message(QueueUrl=bench.queue.url)["Messages"]

    bench.feed(invoke)
    wait_until(bench.is_done)
    assert [len(delivery.deleted) for delivery in bench.deliveries] == [0, 1]


def test_sqs_that_cannot_be_reached_is_tried_until_the_stop(caplog: pytest.LogCaptureFixture) -> None:
    sqs = boto3.client(
        "sqs",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    stop = threading.Event()
    thread = threading.Thread(target=EventSource(sqs, "http://127.0.0.1:9/q", succeed).run, args=(stop,))
    thread.start()
    wait_until(lambda: "EndpointConnectionError" in caplog.text)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    sqs.close()


def test_queue_that_does_not_exist_ends_the_run(aws: AwsEndpoint) -> None:
    url = f"{aws.url}/000000000000/missing"
    with pytest.raises(aws.sqs.exceptions.QueueDoesNotExist):
        EventSource(aws.sqs, url, succeed).run(threading.Event())


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 0},
        {"batch_size": 10_001, "window_seconds": 1},
        {"batch_size": 11},
        {"window_seconds": 301},
        {"poll_seconds": 21},
        {"poll_seconds": 0},
    ],
)
def test_settings_that_aws_would_refuse(aws: AwsEndpoint, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|needs"):
        EventSource(aws.sqs, "url", succeed, **settings)
