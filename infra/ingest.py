"""The function that writes logins, and the event source that feeds it."""

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.access import DatabaseAccess
from infra.delivery import ConnectionBudget
from infra.function import FunctionDefaults, PipelineFunction
from infra.queue import LoginQueue
from infra.salt import Salt
from infra.settings import Settings

ROLE = "ingest"


class Ingest(Construct):
    """`function` with its `role`, and `source`, the event source."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        defaults: FunctionDefaults,
        access: DatabaseAccess,
        salt: Salt,
        queues: LoginQueue,
        budget: ConnectionBudget,
    ) -> None:
        super().__init__(scope, construct_id)
        made = PipelineFunction(
            self,
            "IngestFunction",
            defaults=defaults,
            handler="lambda_src.handler.lambda_handler",
            description="Masks login events and writes them to Postgres",
            environment={
                **access.environment,
                **({"DLQ_URL": queues.dead_letter_queue.queue_url} if settings.quarantine else {}),
                **({"ENVELOPE": settings.envelope} if settings.envelope != "none" else {}),
                **({"VAULT_PUBLIC_KEY": settings.vault_public_key} if settings.vault_public_key else {}),
            },
            timeout_seconds=settings.function_timeout,
            memory_mb=settings.memory,
            statements=[
                *access.statements(self),
                *salt.read_statements(),
                *queues.poll_statements(),
                *(queues.quarantine_statements() if settings.quarantine else ()),
            ],
            reserved_concurrency=budget.max_concurrency if settings.reserve_concurrency else None,
        )
        self.function, self.role = made.function, made.role
        self.source = lambda_.EventSourceMapping(
            self,
            "EventSource",
            target=self.function,
            event_source_arn=queues.queue.queue_arn,
            batch_size=settings.batch_size,
            max_batching_window=Duration.seconds(settings.batch_window),
            report_batch_item_failures=True,
            max_concurrency=budget.max_concurrency,
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]),
        )
        self.source.node.add_dependency(made)
