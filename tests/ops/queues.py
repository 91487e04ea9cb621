"""A queue with a dead-letter queue, of one test's own."""

import json
import threading
from dataclasses import dataclass
from typing import Any

from local.aws import AwsEndpoint
from ops.event_source import EventSource
from tests.function import Function


@dataclass
class Queues:
    """A queue and its dead-letter queue. `dead` selects the latter."""

    aws: AwsEndpoint
    url: str
    dead_letter_url: str

    def put(self, body: str, *, dead: bool = False, **attributes: str) -> str:
        """Send a message with text attributes; return its messageId."""
        return self.aws.sqs.send_message(
            QueueUrl=self.dead_letter_url if dead else self.url,
            MessageBody=body,
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        )["MessageId"]

    def allow(self, *, receives: int) -> None:
        """Set the redrive policy."""
        names: Any = ["QueueArn"]
        answer = self.aws.sqs.get_queue_attributes(QueueUrl=self.dead_letter_url, AttributeNames=names)
        policy = {"deadLetterTargetArn": answer["Attributes"]["QueueArn"], "maxReceiveCount": receives}
        self.aws.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"RedrivePolicy": json.dumps(policy)})

    def count(self, *, dead: bool = False) -> int:
        """Return how many messages there are, including those in flight."""
        url = self.dead_letter_url if dead else self.url
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(answer[name]) for name in names)

    def visible(self, *, dead: bool = False) -> int:
        """Return how many messages a consumer could receive now."""
        url = self.dead_letter_url if dead else self.url
        name: Any = "ApproximateNumberOfMessages"
        return int(self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    def take(self, *, dead: bool = False) -> list[Any]:
        """Receive and delete all visible messages; return them."""
        url = self.dead_letter_url if dead else self.url
        taken: list[Any] = []
        while messages := self.aws.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            taken += messages
            for message in messages:
                self.aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def deliver(self, function: Function) -> None:
        """Deliver the messages to the function until the queue is empty, as the event source mapping does."""
        source = EventSource(self.aws.sqs, self.url, function.invoke, poll_seconds=1)
        source.run(threading.Event(), until_empty=True)
