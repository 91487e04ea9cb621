"""Counts the requests that AWS would bill, as they go through an SQS client."""

import json
import math
from collections import Counter
from typing import Any

from bench.prices import BYTES_A_REQUEST


class Meter:
    """Counts by kind of call: `requests` as billed, with the 64 KB rule, and `empty` receives apart."""

    def __init__(self, sqs: Any) -> None:  # noqa: ANN401  boto3's clients have no class to name
        """Takes the client to look at."""
        self.requests: Counter[str] = Counter()
        self.empty = 0
        sqs.meta.events.register("before-call.sqs.SendMessageBatch", self._note_send)
        sqs.meta.events.register("after-call.sqs.ReceiveMessage", self._note_receive)
        sqs.meta.events.register("after-call.sqs.DeleteMessageBatch", self._note_delete)

    @property
    def total(self) -> int:
        """All that carried or deleted something."""
        return self.requests.total()

    def _note_send(self, params: dict[str, Any], **_: object) -> None:
        entries = json.loads(params["body"])["Entries"]
        self._add("send", sum(len(entry["MessageBody"].encode()) for entry in entries))

    def _note_receive(self, parsed: dict[str, Any], **_: object) -> None:
        messages = parsed.get("Messages", [])
        if messages:
            self._add("receive", sum(len(message["Body"].encode()) for message in messages))
        else:
            self.empty += 1

    def _note_delete(self, **_: object) -> None:
        self._add("delete", 0)

    def _add(self, kind: str, size: int) -> None:
        self.requests[kind] += max(1, math.ceil(size / BYTES_A_REQUEST))
