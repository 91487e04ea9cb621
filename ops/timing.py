"""Computes the visibility timeout that a batch needs."""

import math

# 1 s for the response, 2 s to connect (libpq's minimum), 2 s to write. With less, every batch fails, and all messages
# end in the dead-letter queue.
SHORTEST_SECONDS = 5
WINDOW_SECONDS = 1  # default batch window of a worker


def smallest_visibility(window_seconds: float) -> int:
    """Returns the smallest visibility timeout in seconds that leaves time for a write after `window_seconds`."""
    return math.ceil(window_seconds + SHORTEST_SECONDS)
