"""Wraps an event in the envelope of SNS, EventBridge or CloudEvents, as if that service had sent it."""

import json
from datetime import UTC, datetime

ACCOUNT, REGION = "000000000000", "us-east-1"
JSON_ENVELOPES = ("eventbridge", "cloudevents")  # these hold JSON; SNS holds text
SOURCE, TYPE = "loginpipe", "UserLoggedIn"


def wrap(body: str, kind: str, event_id: str, sent_timestamp: int) -> str:
    """Wraps `body` in an envelope of `kind`, a key of envelopes.OPENERS; the time is in milliseconds since 1970."""
    time = datetime.fromtimestamp(sent_timestamp / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if kind == "sns":
        topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:{SOURCE}"
        return json.dumps(
            {"Type": "Notification", "MessageId": event_id, "TopicArn": topic, "Message": body, "Timestamp": time},
            ensure_ascii=False,
        )
    around = {
        "eventbridge": {
            "version": "0",
            "id": event_id,
            "detail-type": TYPE,
            "source": SOURCE,
            "account": ACCOUNT,
            "time": time,
            "region": REGION,
            "resources": [],
        },
        "cloudevents": {"specversion": "1.0", "id": event_id, "type": TYPE, "source": SOURCE, "time": time},
    }
    name = {"eventbridge": "detail", "cloudevents": "data"}[kind]
    # The event is not parsed and serialized again, so it arrives unchanged.
    return f'{json.dumps(around[kind])[:-1]}, "{name}": {body}}}'
