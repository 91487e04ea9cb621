"""The login queue with its dead-letter queue."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambda_src.sqs_batches import MESSAGES_PER_CALL

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

RETENTION_SECONDS = 14 * 24 * 3600


@dataclass(frozen=True)
class LoginQueue:
    """The queue that producers write to, and its dead-letter queue."""

    url: str
    dead_letter_url: str
    dead_letter_arn: str
    visibility_seconds: int


def create_queue(
    sqs: "SQSClient", name: str, *, visibility_seconds: int, max_receives: int, fifo: bool = False
) -> LoginQueue:
    """Creates both queues, or sets the attributes of existing ones."""
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
    """Sets maxReceiveCount: after so many receives, a message goes to the dead-letter queue."""
    policy = {"deadLetterTargetArn": queue.dead_letter_arn, "maxReceiveCount": max_receives}
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": json.dumps(policy)})


def delete_queue(sqs: "SQSClient", queue: LoginQueue) -> None:
    """Deletes both queues."""
    for url in (queue.url, queue.dead_letter_url):
        sqs.delete_queue(QueueUrl=url)


def receive_letters(sqs: "SQSClient", queue_url: str) -> dict[str, str]:
    """Returns the visible dead letters: for each messageId the event id, or the messageId if it has none.

    Each is then hidden for a minute, and stays in the queue.
    """
    letters: dict[str, str] = {}
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=MESSAGES_PER_CALL,
            MessageAttributeNames=["event_id"],
            VisibilityTimeout=60,
            WaitTimeSeconds=0,
        )
        messages = answer.get("Messages", [])
        if not messages:
            return letters
        for message in messages:
            attributes = message.get("MessageAttributes", {})
            event = attributes["event_id"].get("StringValue") if "event_id" in attributes else None
            letters[message["MessageId"]] = event or message["MessageId"]
