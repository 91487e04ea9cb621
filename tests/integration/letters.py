"""Letters to the dead-letter queue, and a server before SQS that watches or takes them."""

import http
import json
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from local.aws import AwsEndpoint
from tests.chaos.aws_front import AwsFront

SEND = "SendMessageBatch"


class WatchedFront(AwsFront):
    """A server that calls `watch` before it answers a call with letters. With `take`, it keeps the letters itself."""

    watch: Callable[[], object] | None = None
    take: list[str] | None = None  # the messageIds of letters; the last one of each call is refused
    calls_taken = 500  # then it does not answer any more

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answers one call of the function."""
        sends = request.headers.get("X-Amz-Target", "").endswith("." + SEND)
        if sends and self.watch is not None:
            self.watch()
        if sends and self.take is not None:
            self._take(request, self.take)
        else:
            super().answer(request)

    def _take(self, request: BaseHTTPRequestHandler, taken: list[str]) -> None:
        entries = json.loads(request.rfile.read(int(request.headers["Content-Length"])))["Entries"]
        self.calls_taken -= 1
        if self.calls_taken < 0:
            request.close_connection = True
            return
        taken += [entry["MessageAttributes"]["message_id"]["StringValue"] for entry in entries[:-1]]
        answer = {
            "Successful": [{"Id": entry["Id"], "MessageId": "x", "MD5OfMessageBody": "x"} for entry in entries[:-1]],
            "Failed": [{"Id": entries[-1]["Id"], "Code": "x", "SenderFault": False}],
        }
        content = json.dumps(answer).encode()
        request.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # two small writes follow
        request.send_response_only(http.HTTPStatus.OK)
        request.send_header("Content-Type", "application/x-amz-json-1.0")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


def receive_letters(aws: AwsEndpoint, queue: str) -> list[str]:
    """Returns the messageId of the rejected message of each letter. A letter without a message is an error."""
    found: list[str] = []
    while True:
        answer = aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages = answer.get("Messages", [])
        if not messages:
            return found
        found += [message["MessageAttributes"]["message_id"]["StringValue"] for message in messages]
