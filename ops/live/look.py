"""Samples the pipeline that a session names, and a local stack even after it was restarted."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ops.choice import find_local_stack
from ops.live.cloudwatch import CloudWatchMetrics
from ops.live.sampling import Sampler

if TYPE_CHECKING:
    from local.state import Description
    from ops.commands.common import Session
    from ops.live.sample import MetricsSource, Sample


class Look:
    """Each call takes one sample."""

    def __init__(self, session: "Session") -> None:
        self._open(session)

    def __call__(self) -> "Sample":
        """Returns a sample; an error of a part of the pipeline becomes a trouble in the sample."""
        sample = self._sampler.sample()
        if "queue" in sample.troubles and self._stack is not None:
            found = find_local_stack(self._session.directory)
            if found is not None and found != self._stack:
                self._open(replace(self._session, local=True))
        return sample

    def _open(self, session: "Session") -> None:
        self._session = session
        settings = session.target.settings
        found = find_local_stack(session.directory) if session.stack is None else None
        self._stack = found if found is not None and found.queue == settings.queue_url else None
        metrics: MetricsSource | None = CloudWatchMetrics(session.target) if settings.function_name else None
        if self._stack is not None:
            metrics = _open_local(self._stack, session)
        self._sampler = Sampler(session.target, metrics)


def _open_local(stack: "Description", session: "Session") -> "MetricsSource":
    from local.figures import LocalMetrics  # noqa: PLC0415  an optional part
    from local.state import get_directory  # noqa: PLC0415

    return LocalMetrics(stack, session.directory or get_directory())
