"""The numbers of the local stack."""

from pathlib import Path

from local.stack import WINDOW_SECONDS, StackSettings
from ops.timing import SHORTEST_SECONDS


def test_queue_leaves_a_worker_time_for_a_write() -> None:
    settings = StackSettings(Path("unused"))
    assert settings.visibility_seconds - WINDOW_SECONDS >= SHORTEST_SECONDS
    assert settings.visibility_seconds * settings.max_receives >= 90  # of an outage that no good message ends dead for
