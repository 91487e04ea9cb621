"""The queue and its dead-letter queue, from outside: the actions of SQS, and the visible messages."""

from typing import Any

from local.aws import AwsEndpoint
from tests import oracle_identity
from tests.model import pipeline
from tests.support import Record

QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:model"
ALL: Any = ["All"]


class Queues:
    """Both queues. They hold only redriven and dead messages; other messages are passed to the function directly."""

    def __init__(self, aws: AwsEndpoint) -> None:
        """Creates both queues."""
        self._sqs = aws.sqs
        self.dead_url = aws.sqs.create_queue(QueueName="model-dlq")["QueueUrl"]
        self.url = aws.sqs.create_queue(QueueName="model", Attributes={"VisibilityTimeout": "185"})["QueueUrl"]
        self._is_used = False

    def bury(self, record: Record) -> None:
        """A message was received too often: SQS moves it to the dead-letter queue."""
        own = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
        own.setdefault("event_id", record["messageId"])
        own.setdefault("sent_timestamp", record["attributes"]["SentTimestamp"])
        self._is_used = True
        self._sqs.send_message(
            QueueUrl=self.dead_url,
            MessageBody=record["body"],
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in own.items()},
        )

    def dead(self) -> list[Record]:
        """Returns the visible dead letters."""
        found: dict[str, Record] = {}
        while messages := [message for message in self._receive(self.dead_url, 0) if message["MessageId"] not in found]:
            found |= {message["MessageId"]: pipeline.record_of(message, QUEUE_ARN) for message in messages}
        self._is_used = self._is_used or bool(found)
        return list(found.values())

    def hidden(self) -> int:
        """Returns the number of dead letters in flight."""
        name: Any = "ApproximateNumberOfMessagesNotVisible"
        return int(self._sqs.get_queue_attributes(QueueUrl=self.dead_url, AttributeNames=[name])["Attributes"][name])

    def drain(self) -> list[Record]:
        """Receives and deletes all messages of the queue."""
        records: list[Record] = []
        while messages := self._receive(self.url, 30):
            records += [pipeline.record_of(message, QUEUE_ARN) for message in messages]
            for message in messages:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return records

    def empty(self) -> None:
        """Deletes all messages of both queues."""
        for url in (self.url, self.dead_url) if self._is_used else ():
            self._sqs.purge_queue(QueueUrl=url)
        self._is_used = False

    def _receive(self, url: str, hidden: int) -> list[Any]:
        answer = self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=hidden, MessageSystemAttributeNames=ALL,
            MessageAttributeNames=ALL,
        )  # fmt: skip
        return answer.get("Messages", [])


def event_ids(records: list[Record]) -> set[str]:
    """Returns the event of each dead letter, from the attribute that holds the event's identity."""
    return {oracle_identity.event_uuid(record["messageAttributes"]["event_id"]["stringValue"]) for record in records}


def message_ids(records: list[Record]) -> set[str]:
    """The messageIds that rejects had when they were rejected."""
    notes = [record["messageAttributes"].get("message_id", {}) for record in records]
    return {note["stringValue"] for note in notes if note}
