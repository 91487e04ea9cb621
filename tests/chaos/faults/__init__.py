"""Every fault that the run knows. Each is injected while events flow, heals what it has broken, and counts itself."""

from tests.chaos.faults import aws, contention, network, queue, runtime, server  # noqa: F401  registers their faults
from tests.chaos.faults.registry import FAULTS, ImpossibleError, PromiseError

__all__ = ["FAULTS", "ImpossibleError", "PromiseError"]
