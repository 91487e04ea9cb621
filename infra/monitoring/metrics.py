"""The metrics that alarms and dashboard use."""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cw

from infra.database import Database

# The metrics that the function emits, with the single dimension `service`.
NAMESPACE = "LoginPipeline"
MINUTES_1, MINUTES_5 = Duration.minutes(1), Duration.minutes(5)


@dataclass(frozen=True)
class OwnMetrics:
    """Metrics that the function of a service emits itself."""

    service: str

    def __call__(self, metric_name: str, statistic: str = "Sum") -> cw.Metric:
        """Return one of them."""
        return cw.Metric(
            namespace=NAMESPACE,
            metric_name=metric_name,
            dimensions_map={"service": self.service},
            statistic=statistic,
            period=MINUTES_5,
        )


def database_metric(database: Database, metric_name: str, statistic: str = "Average") -> cw.Metric:
    """Return a metric of the stack's own database."""
    dimension = "DBClusterIdentifier" if database.kind == "aurora" else "DBInstanceIdentifier"
    return cw.Metric(
        namespace="AWS/RDS",
        metric_name=metric_name,
        dimensions_map={dimension: database.identifier},
        statistic=statistic,
        period=MINUTES_5,
    )
