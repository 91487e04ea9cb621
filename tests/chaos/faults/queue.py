"""Faults of the queue: deliveries repeated, reordered, moved, and too large."""

import threading
import uuid
from random import Random

from local.queues import set_redrive
from ops.event_source import Delivery
from ops.sqs_event import failed_messages
from tests.chaos.faults.helpers import armed, named, padded
from tests.chaos.faults.registry import WAIT_SECONDS, PromiseError, fault
from tests.chaos.pipeline import MAX_RECEIVES, VISIBILITY_SECONDS, Pipeline
from tests.chaos.proxy import Cut, Rule, Step
from tests.chaos.queues import take_dead_letters


@fault("delivered 1 to 5 times, in any order")
def _shuffled(pipeline: Pipeline, random: Random) -> int:
    records = pipeline.producer.make_records([pipeline.events.make() for _ in range(random.choice((10, 100)))])
    copies = [record for record in records for _ in range(random.randint(1, 5))]
    random.shuffle(copies)
    deliver = pipeline.functions.deliver
    threads = [threading.Thread(target=deliver, args=(index, copies[index::3])) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(copies) - len(records)


@fault("visible again at once")
def _visible(pipeline: Pipeline, random: Random) -> int:
    del random
    seconds = {"url": pipeline.queue.url, "name": "VisibilityTimeout"}
    before = pipeline.ledger.repeated()
    pipeline.aws.sqs.set_queue_attributes(QueueUrl=seconds["url"], Attributes={"VisibilityTimeout": "0"})
    try:
        pipeline.wait_until(lambda: pipeline.ledger.repeated() - before > 20, WAIT_SECONDS)
    finally:
        pipeline.aws.sqs.set_queue_attributes(
            QueueUrl=seconds["url"], Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
        )
    return pipeline.ledger.repeated() - before


@fault("moved to the DLQ in an outage, moved back by SQS")
def _redriven(pipeline: Pipeline, random: Random) -> int:
    with pipeline.quiet():
        pipeline.letters += take_dead_letters(pipeline.aws.sqs, pipeline.queue)  # of other faults
        set_redrive(pipeline.aws.sqs, pipeline.queue, max_receives=1)
        pipeline.proxy.refuse()
        try:
            names = [random.choice((None, str(uuid.uuid4()))) for _ in range(random.randint(10, 50))]
            pipeline.producer.send([named(pipeline, name) for name in names])
            if not pipeline.wait_until_drained():
                raise PromiseError("messages did not go to the dead-letter queue")
        finally:
            set_redrive(pipeline.aws.sqs, pipeline.queue, max_receives=MAX_RECEIVES)
            pipeline.proxy.start()
        letters = take_dead_letters(pipeline.aws.sqs, pipeline.queue)
        # StartMessageMoveTask sends a new message, with a new messageId and SentTimestamp and the old attributes.
        for letter in letters:
            texts = {name: value["StringValue"] for name, value in letter.get("MessageAttributes", {}).items()}
            if "reason" in texts:
                raise PromiseError("an outage became a reject")
            pipeline.ledger.forget(letter["MessageId"])
            pipeline.producer.send([(letter["Body"], texts)])
        return len(letters)


@fault("FIFO queue, writes failing in the middle")
def _fifo(pipeline: Pipeline, random: Random) -> int:
    settled: list[str] = []
    sqs, stopping = pipeline.aws.sqs, threading.Event()
    url = sqs.create_queue(
        QueueName=f"{uuid.uuid4()}.fifo",
        Attributes={"FifoQueue": "true", "VisibilityTimeout": "1", "ContentBasedDeduplication": "true"},
    )["QueueUrl"]
    sent: dict[str, list[str]] = {"one": [], "two": [], "three": []}
    with pipeline.quiet():  # other events must not meet the rule
        for _ in range(random.randint(20, 40)):
            group = random.choice(list(sent))
            body, _attributes = named(pipeline, None)
            message_id = sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)["MessageId"]
            pipeline.ledger.record_sent(pipeline.producer.fault, message_id, body, {})
            sent[group].append(message_id)
        rule = Rule(Step.DATA, Cut.BEFORE, times=2 * random.randint(1, 3))  # both tries of some writes

        def note(delivery: Delivery) -> None:
            settled.extend(message_id for message_id in delivery.delivered if message_id in delivery.deleted)

        source = pipeline.event_source(url, random.randrange(3), on_delivery=note)
        poller = threading.Thread(target=source.run, args=(stopping,))
        with armed(pipeline, rule):
            poller.start()
            pipeline.wait_until(lambda: len(settled) >= sum(map(len, sent.values())), 2 * WAIT_SECONDS)
        stopping.set()
        poller.join()
    sqs.delete_queue(QueueUrl=url)
    for group, message_ids in sent.items():
        if [message_id for message_id in settled if message_id in message_ids] != message_ids:
            raise PromiseError(f"the order of a FIFO queue was not kept in group {group}")
    return rule.fired


@fault("messages of 1 MiB")
def _large(pipeline: Pipeline, random: Random) -> int:
    # The fault delivers them itself, because MiniStack's queue takes only 256 KiB (AWS: 1 MiB).
    events = [
        named(pipeline, None),
        padded(pipeline, 2**20),
        padded(pipeline, 2**20, ip="nowhere"),
        named(pipeline, None),
    ]
    random.shuffle(events)
    records = pipeline.producer.make_records(events)
    response = pipeline.functions.invoke(random.randrange(3), records)
    bad = next(record["messageId"] for record in records if "nowhere" in record["body"])
    if failed_messages(response, [record["messageId"] for record in records]) != {bad}:
        raise PromiseError("the function must leave a message that is too large for attributes to the redrive policy")
    pipeline.ledger.forget(bad)
    return 2


@fault("batch of 10,000")
def _batch(pipeline: Pipeline, random: Random) -> int:
    del random
    records = pipeline.producer.make_records([pipeline.events.make() for _ in range(10_000)])
    pipeline.functions.deliver(2, records)
    return 1
