"""Lambda events to measure with: batches of SQS records with synthetic logins."""

import copy
import json
import random
import time
import uuid
from collections.abc import Iterator
from typing import Any

from lambda_src.normal_forms import MILLISECONDS_PER_DAY
from local.generator import generate_logins

Record = dict[str, Any]
Event = dict[str, list[Record]]

NOON = int((time.time() // 86_400 + 0.5) * MILLISECONDS_PER_DAY)  # of today, UTC: there is a partition for it
QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:login-events"
RECEIPT_HANDLE_LENGTH = 180  # characters, about what SQS gives


class Batches:
    """An endless supply of batches, no message twice; the same seed gives the same ones."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311  nothing is hidden here
        self._bodies = self._make_bodies(seed)

    def make(self, size: int, sent: int = NOON) -> Event:
        """A batch of valid messages, received at `sent` (milliseconds)."""
        return {"Records": [self._make_record(next(self._bodies), sent) for _ in range(size)]}

    def make_with_repeats(self, size: int, earlier: Event, share: float) -> Event:
        """A batch of which that share are messages of `earlier`, delivered again."""
        count = round(size * share)
        records = self.make(size - count)["Records"] + copy.deepcopy(earlier["Records"][:count])
        self._random.shuffle(records)
        return {"Records": records}

    def make_with_rejects(self, size: int, share: float) -> Event:
        """A batch of which that share are no logins."""
        event = self.make(size)
        for record in self._random.sample(event["Records"], round(size * share)):
            record["body"] = record["body"].replace('"ip": "', '"ip": "x')
        return event

    def _make_bodies(self, seed: int) -> Iterator[str]:
        while True:
            for login in generate_logins(100_000, seed):
                yield json.dumps(login)
            seed += 1

    def _make_record(self, body: str, sent: int) -> Record:
        return {
            "messageId": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            "receiptHandle": "A" * RECEIPT_HANDLE_LENGTH,
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": str(sent),
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": str(sent + 12),
            },
            "messageAttributes": {},
            "md5OfBody": "0" * 32,
            "eventSource": "aws:sqs",
            "eventSourceARN": QUEUE_ARN,
            "awsRegion": "us-east-1",
        }


class Context:
    """What the function reads of Lambda's context."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Half a minute, always."""
        return 30_000
