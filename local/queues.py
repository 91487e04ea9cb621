"""The login queue with its dead-letter queue."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambda_src.sqs_batches import MESSAGES_PER_CALL, pack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

RETENTION_SECONDS = 14 * 24 * 3600


@dataclass(frozen=True)
class LoginQueue:
    """The queue that producers write to, and where its redrive policy moves what cannot be written."""

    url: str
    dead_letter_url: str
    dead_letter_arn: str
    visibility_seconds: int


def create_queue(
    sqs: "SQSClient", name: str, *, visibility_seconds: int, max_receives: int, fifo: bool = False
) -> LoginQueue:
    """Creates both queues, or sets the attributes of those that exist."""
    suffix = ".fifo" if fifo else ""
    kind: dict[QueueAttributeNameType, str] = {"FifoQueue": "true"} if fifo else {}
    dead_letter_url = sqs.create_queue(QueueName=f"{name}-dlq{suffix}", Attributes=kind)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=dead_letter_url, Attributes={"MessageRetentionPeriod": str(RETENTION_SECONDS)})
    answer = sqs.get_queue_attributes(QueueUrl=dead_letter_url, AttributeNames=["QueueArn"])
    url = sqs.create_queue(QueueName=f"{name}{suffix}", Attributes=kind)["QueueUrl"]
    queue = LoginQueue(url, dead_letter_url, answer["Attributes"]["QueueArn"], visibility_seconds)
    set_redrive(sqs, queue, max_receives=max_receives)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(visibility_seconds)})
    return queue


def set_redrive(sqs: "SQSClient", queue: LoginQueue, *, max_receives: int) -> None:
    """Sets after how many receives a message goes to the dead-letter queue."""
    policy = {"deadLetterTargetArn": queue.dead_letter_arn, "maxReceiveCount": max_receives}
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": json.dumps(policy)})


def delete_queue(sqs: "SQSClient", queue: LoginQueue) -> None:
    """Deletes both queues."""
    for url in (queue.url, queue.dead_letter_url):
        sqs.delete_queue(QueueUrl=url)


def send(sqs: "SQSClient", queue_url: str, bodies: Iterable[str]) -> Iterator[tuple[list[str], int]]:
    """Sends bodies; after each call yields the message ids and how many bodies SQS refused."""
    for batch in pack(bodies, lambda body: len(body.encode())):
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(batch)]
        answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)  # type: ignore[arg-type]
        yield [entry["MessageId"] for entry in answer.get("Successful", [])], len(answer.get("Failed", []))


def receive_ids(sqs: "SQSClient", queue_url: str) -> set[str]:
    """Message ids of what is visible in a queue now; each is then hidden for a minute, and stays in it."""
    ids: set[str] = set()
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=MESSAGES_PER_CALL, VisibilityTimeout=60, WaitTimeSeconds=0
        )
        messages = answer.get("Messages", [])
        if not messages:
            return ids
        ids.update(message["MessageId"] for message in messages)
