"""One SQS queue for the operator's commands: calls in pages, and counts only what SQS has confirmed."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from botocore.exceptions import ClientError

from lambda_src.sqs_batches import MESSAGES_PER_CALL, confirmed_ids, message_size, pack
from ops.errors import OpsError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, MessageTypeDef

WAIT_SECONDS = 1  # long polling asks all of SQS's servers: an empty answer then means an empty queue

# Endings of SQS's error codes for a call that is refused because of one message.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
MESSAGE_FAULTS = (
    "BatchRequestTooLong",
    "InvalidMessageContents",
    "InvalidParameterValue",
    "InvalidAttributeValue",
    "MessageTooLong",
)


class Outgoing(TypedDict, total=False):
    """A message to send, in SQS's form."""

    MessageBody: str
    MessageAttributes: "dict[str, MessageAttributeValueTypeDef]"
    MessageGroupId: str
    MessageDeduplicationId: str


class Sent(NamedTuple):
    """SQS's response by the position of each message: its messageId, or the code of its failure."""

    message_ids: dict[int, str]
    failures: dict[int, str]


class Queue:
    """A queue by its URL."""

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self.url = url

    @cached_property
    def attributes(self) -> dict[str, str]:
        """Returns all attributes of the queue, under SQS's names."""
        answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        return {str(name): value for name, value in answer["Attributes"].items()}

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return self.attributes["QueueArn"]

    @property
    def is_fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return self.url.endswith(".fifo")

    def receive(self, visibility_seconds: int, *, at_once: int = MESSAGES_PER_CALL) -> "list[MessageTypeDef]":
        """Receives the next messages and hides them for `visibility_seconds`; returns none when the queue is empty."""
        return self._sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=at_once,
            VisibilityTimeout=visibility_seconds,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])

    def send(self, messages: Sequence[Outgoing]) -> Sent:
        """Sends messages; an unconfirmed message is a failure. Raises ClientError if SQS refuses the whole call."""
        sent = Sent({}, {})
        for chunk in pack(range(len(messages)), lambda index: _size(messages[index])):
            try:
                self._send_call(messages, chunk, sent)
            except ClientError as error:
                if not _code(error).endswith(MESSAGE_FAULTS):
                    raise
                self._send_each(messages, chunk, sent)
        return sent

    def _send_call(self, messages: Sequence[Outgoing], chunk: Sequence[int], sent: Sent) -> None:
        entries: Any = [{"Id": str(index), **messages[index]} for index in chunk]
        answer = self._sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        confirmed = confirmed_ids(answer)
        message_ids = {entry["Id"]: entry["MessageId"] for entry in answer.get("Successful", [])}
        codes = {entry["Id"]: entry["Code"] for entry in answer.get("Failed", [])}
        for index in chunk:
            if str(index) in confirmed:
                sent.message_ids[index] = message_ids[str(index)]
            else:
                sent.failures[index] = codes.get(str(index), "NotConfirmed")

    def _send_each(self, messages: Sequence[Outgoing], chunk: Sequence[int], sent: Sent) -> None:
        """Sends the messages of a refused call one by one, so that only the bad message fails."""
        for index in chunk:
            try:
                self._send_call(messages, [index], sent)
            except ClientError as error:
                if not _code(error).endswith(MESSAGE_FAULTS):
                    raise
                sent.failures[index] = _code(error)

    def delete(self, messages: "Sequence[MessageTypeDef]") -> int:
        """Deletes received messages; returns how many SQS has confirmed. The others are redelivered."""
        deleted = 0
        for chunk in _pages(messages):
            entries: Any = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(chunk)
            ]
            answer = self._sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
            deleted += len({entry["Id"] for entry in entries} & confirmed_ids(answer))
        return deleted

    def give_back(self, messages: "Sequence[MessageTypeDef]") -> None:
        """Makes received messages visible again at once; if that fails, they are after their visibility timeout."""
        for chunk in _pages(messages):
            entries: Any = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                for index, message in enumerate(chunk)
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)


def find_dead_letter_url(sqs: "SQSClient", queue: Queue, policy: dict[str, Any]) -> str:
    """Returns the URL of the dead-letter queue in a redrive policy; raises OpsError if there is none."""
    arn = policy.get("deadLetterTargetArn")
    if not arn:
        raise OpsError(f"The queue {queue.url} has no redrive policy. Set DLQ_URL to its dead-letter queue.")
    _, _, _, _, account, name = str(arn).split(":")
    return sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _size(message: Outgoing) -> int:
    return message_size(message["MessageBody"], message.get("MessageAttributes", {}))


def _pages(messages: "Iterable[MessageTypeDef]") -> "Iterator[list[MessageTypeDef]]":
    everything = list(messages)
    for start in range(0, len(everything), MESSAGES_PER_CALL):
        yield everything[start : start + MESSAGES_PER_CALL]
