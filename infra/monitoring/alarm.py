"""What an alarm is made of."""

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cw


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm: its id, the metric, the bound, and the sentence that says what it means and what to do."""

    id: str
    metric: cw.IMetric
    bound: float
    periods: int = 1
    below: bool = False
    action: str
