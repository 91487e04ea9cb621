"""Makes the sample events in events/: events of an SQS event source mapping, for `sam local invoke -e`.

`python -m local.samples` writes them. Each run gives the same files.
"""

import hashlib
import json
import random
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_src.contract import FIELDS
from local.bodies import SPOILERS
from local.generator import SHAPED, Login, generate_logins
from local.state import ROOT
from ops.sqs_event import make_record

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:login-events"
SENDER = "AIDAIENQZJOLO23YVJ4VO"  # as in AWS's own examples
SENT_AT = 1_767_225_600_000  # 2026-01-01 00:00 UTC, in milliseconds
VALID = 8  # messages


def write_samples(directory: Path) -> list[Path]:
    """Writes valid.json, mixed.json, malformed.json and duplicate.json; the same content every time."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, messages in _samples().items():
        path = directory / f"{name}.json"
        event = {"Records": [make_record(message, QUEUE_ARN) for message in messages]}
        path.write_text(json.dumps(event, indent=2) + "\n", encoding="utf-8")
        paths.append(path)
    return paths


def _samples() -> "dict[str, list[MessageTypeDef]]":
    source = random.Random(1)  # noqa: S311  not for secrets
    logins = [_as_documented(login, number) for number, login in enumerate(generate_logins(VALID + len(SPOILERS)))]
    valid = [json.dumps(login) for login in logins[:VALID]]
    malformed = [spoil(login) for spoil, login in zip(SPOILERS.values(), logins[VALID:], strict=True)]
    mixed = [valid[0], malformed[0], valid[1], *malformed[2:4], valid[2], malformed[6], valid[3]]
    first, second = _messages(source, valid[:2])
    return {
        "valid": _messages(source, valid),
        "mixed": _messages(source, mixed),
        "malformed": _messages(source, malformed),
        # Two messages, then a redelivery of the first one, and the second one after a redrive from the DLQ.
        "duplicate": [first, second, _delivered_again(source, first), _redriven(source, second)],
    }


def _as_documented(login: Login, number: int) -> Login:
    """Returns a login with a documentation address, without added optional fields, so that the files do not change.

    An IPv4 address is replaced by one of RFC 5737; IPv6 addresses are of RFC 3849 already.
    """
    documented = {name: value for name, value in login.items() if name in SHAPED or FIELDS[name].required}
    is_ipv4 = ":" not in str(login["ip"])
    return {**documented, "ip": f"192.0.2.{number + 1}"} if is_ipv4 else documented


def _messages(source: random.Random, bodies: Sequence[str]) -> "list[MessageTypeDef]":
    return [_message(source, body, SENT_AT + 250 * number) for number, body in enumerate(bodies)]


def _message(source: random.Random, body: str, sent_at: int) -> "MessageTypeDef":
    return {
        "MessageId": str(uuid.UUID(int=source.getrandbits(128), version=4)),
        "ReceiptHandle": _handle(source),
        "Body": body,
        "MD5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "Attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(sent_at),
            "SenderId": SENDER,
            "ApproximateFirstReceiveTimestamp": str(sent_at + 12),
        },
    }


def _delivered_again(source: random.Random, message: "MessageTypeDef") -> "MessageTypeDef":
    attributes = {**message["Attributes"], "ApproximateReceiveCount": "2"}
    return {**message, "ReceiptHandle": _handle(source), "Attributes": attributes}


def _redriven(source: random.Random, message: "MessageTypeDef") -> "MessageTypeDef":
    sent_at = message["Attributes"]["SentTimestamp"]
    return {
        **_message(source, message["Body"], int(sent_at) + 86_400_000),
        "MessageAttributes": {
            "event_id": {"StringValue": message["MessageId"], "DataType": "String"},
            "sent_timestamp": {"StringValue": sent_at, "DataType": "Number"},
        },
    }


def _handle(source: random.Random) -> str:
    return f"AQEB{source.getrandbits(256):064x}"


if __name__ == "__main__":
    for written in write_samples(ROOT / "events"):
        print(written)
