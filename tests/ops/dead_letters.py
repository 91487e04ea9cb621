"""Dead letters as tests put them into the queue."""

import json
import uuid
from typing import Any

from tests.ops.queues import Queues
from tests.support import make_body


def body(**changes: Any) -> str:
    """Return a valid body as JSON, with changes."""
    return json.dumps(make_body(**changes))


def put_noted(queues: Queues, text: str, **notes: str) -> str:
    """Put a letter into the dead-letter queue as the function sends it; return its event_id."""
    event_id = str(uuid.uuid4())
    values = {"reason": "invalid_ip", "field": "ip", "event_id": event_id, "message_id": str(uuid.uuid4()),
              "sent_timestamp": "1700000000000", **notes}  # fmt: skip
    queues.put(text, dead=True, **values)
    return values["event_id"]
