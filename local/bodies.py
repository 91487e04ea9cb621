"""Message bodies with synthetic logins. Some are rejects, with each reason in turn."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

from local.generator import Login, generate_logins

# For each reject reason, a change that makes a valid body invalid.
SPOILERS: dict[str, Callable[[Login], str]] = {
    "invalid_json": lambda login: json.dumps(login)[:-20],
    "not_an_object": lambda login: json.dumps(login["user_id"]),
    "missing_field": lambda login: json.dumps({name: login[name] for name in login if name != "device_id"}),
    "wrong_type": lambda login: json.dumps({**login, "user_id": 424}),
    "empty": lambda login: json.dumps({**login, "device_id": ""}),
    "too_long": lambda login: json.dumps({**login, "device_type": "android" * 5}),
    "invalid_ip": lambda login: json.dumps({**login, "ip": "999.1.2.3"}),
    "invalid_app_version": lambda login: json.dumps({**login, "app_version": "latest"}),
    "invalid_text": lambda login: json.dumps({**login, "device_id": "\x00" + str(login["device_id"])}),
}


@dataclass(frozen=True)
class Body:
    """The body of a message, and the reason for its rejection; None if it is valid."""

    text: str
    reason: str | None = None


def stream_bodies(count: int, seed: int = 1, bad: int = 0) -> Iterator[Body]:
    """Yield `count` message bodies; `bad` of them are rejects, at random positions, with each reason in turn."""
    source = random.Random(seed)  # noqa: S311  not for secrets
    bad = min(bad, count)
    places = set(source.sample(range(count), bad))
    good, spoilt = generate_logins(count - bad, seed), generate_logins(bad, seed + 1)
    reasons = cycle(SPOILERS)
    for place in range(count):
        if place in places:
            reason = next(reasons)
            yield Body(SPOILERS[reason](next(spoilt)), reason)
        else:
            yield Body(json.dumps(next(good)))


def generate_bodies(count: int, seed: int = 1, bad: int = 0) -> list[Body]:
    """Return the bodies that `stream_bodies` yields as a list."""
    return list(stream_bodies(count, seed, bad))
