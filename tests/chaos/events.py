"""The events that the run sends: most are good, some are bad, some hold text that is hard to store."""

import json
import sys
import threading
import time
import uuid
from random import Random

from local.bodies import SPOILERS
from local.generator import generate_logins

BAD = 0.08
NASTY = 0.05
NAMED = 0.4  # events with an event_id that the producer chose
NASTY_TEXTS = (
    "'); DROP TABLE user_logins; --",
    "\t\\N\n\\.",
    "$$;SELECT 1;$$",
    "é\u2028\U0001f600",
    "%s {0} \\x00 \r",
)
CANARY = "canary"  # part of each value that the function masks; no log may show it
VISITOR = "visitor"  # part of each user_id; only Postgres' log may show it, because its settings make it show rows

Event = tuple[str, dict[str, str]]  # body and message attributes


class EventMaker:
    """Makes events. Threads may call it at the same time."""

    def __init__(self, seed: int, random: Random) -> None:
        """Take the seed of the logins and the source of all other choices."""
        self._random = random
        self._logins = generate_logins(sys.maxsize, seed)
        self._making = threading.Lock()

    def make(self) -> Event:
        """Return the next event."""
        with self._making:
            return self._make()

    def _make(self) -> Event:
        random, login = self._random, next(self._logins)
        login["device_id"] = f"{CANARY}-{login['device_id']}"
        nasty = random.choice(NASTY_TEXTS) if random.random() < NASTY else ""
        login["user_id"] = f"{VISITOR}-{login['user_id']}{nasty}"
        body = SPOILERS[random.choice(list(SPOILERS))](login) if random.random() < BAD else json.dumps(login)
        attributes = {}
        if random.random() < NAMED:
            name = uuid.UUID(int=random.getrandbits(128), version=4)
            attributes = {"event_id": random.choice((str(name), f"order {name}")), "sent_timestamp": now()}
        return body, attributes


def now() -> str:
    """Return the present time as SQS writes it: milliseconds since 1970."""
    return str(int(time.time() * 1000))
