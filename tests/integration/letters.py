"""The letters of a dead-letter queue, as the function sends them."""

from local.aws import AwsEndpoint


def receive_letters(aws: AwsEndpoint, queue: str) -> list[str]:
    """The messageId that the message of each letter had; a letter without cause has none, which is an error."""
    found: list[str] = []
    while True:
        answer = aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages = answer.get("Messages", [])
        if not messages:
            return found
        found += [message["MessageAttributes"]["message_id"]["StringValue"] for message in messages]
