"""The time that a batch needs before the queue gives its messages to somebody else."""

import math

# 1 s for the answer, 2 s to connect (libpq takes no less), 2 s to write. With less, every batch fails, and at last all
# messages are in the dead-letter queue.
SHORTEST_SECONDS = 5
WINDOW_SECONDS = 1  # how long a worker's batch may wait to fill, if nothing else is said


def smallest_visibility(window_seconds: float) -> int:
    """The smallest visibility timeout, in seconds, that leaves a batch time for its write after `window_seconds`."""
    return math.ceil(window_seconds + SHORTEST_SECONDS)
