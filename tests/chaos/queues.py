"""What is in the login queue and in its dead-letter queue."""

from typing import TYPE_CHECKING

from local.queues import LoginQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef


def backlog(sqs: "SQSClient", queue: LoginQueue) -> int:
    """Return how many messages are in the queue, hidden ones included."""
    attributes = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"])


def take_dead_letters(sqs: "SQSClient", queue: LoginQueue) -> "list[MessageTypeDef]":
    """Return all messages of the dead-letter queue, and delete them there."""
    letters: list[MessageTypeDef] = []
    url = queue.dead_letter_url
    while True:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages = answer.get("Messages", [])
        if not messages:
            return letters
        letters += messages
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
