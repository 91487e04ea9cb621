"""The parts of an alarm."""

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cw


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm: its id, the metric, the threshold, and a text that says what it means and what to do."""

    id: str
    metric: cw.IMetric
    bound: float
    periods: int = 1
    below: bool = False
    action: str
