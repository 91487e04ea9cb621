"""Alarms that say what to do, and a dashboard."""

from infra.monitoring.metrics import NAMESPACE
from infra.monitoring.monitoring import Monitoring

__all__ = ["NAMESPACE", "Monitoring"]
