"""The functions that do what operators ask of the private database, and what is done on a schedule."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.access import DatabaseAccess
from infra.function import PipelineFunction

if TYPE_CHECKING:
    from infra.network import Placement

TIMEOUT_SECONDS = 900
MONTHS_AHEAD = 12
DESCRIPTIONS = {
    "operator": "Does next to the database what operators ask for, and what is due",
    "custodian": "Hands out sealed originals, each with its audit entry",
}


class Operator(Construct):
    """`function` for all that reads and removes logins; with the vault on also `custodian`, which alone opens it.

    They are two, so that IAM can let somebody do the one and not the other; each logs in as a role of its own.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        arch: str,
        environment: Mapping[str, str],
        operator: DatabaseAccess,
        custodian: DatabaseAccess | None,
        salt_statements: Sequence[iam.PolicyStatement],
        key: kms.IKey,
        placement: "Placement | None",
        retention_months: int | None,
    ) -> None:
        super().__init__(scope, construct_id)

        def make(half: str, access: DatabaseAccess, statements: Sequence[iam.PolicyStatement]) -> PipelineFunction:
            return PipelineFunction(
                self,
                f"{half.capitalize()}Function",
                handler="ops.operator.lambda_handler",
                description=DESCRIPTIONS[half],
                code=code,
                arch=arch,
                environment={**environment, **access.environment, "OPERATIONS": half},
                timeout_seconds=TIMEOUT_SECONDS,
                memory_mb=512,
                key=key,
                statements=[*access.statements(Stack.of(self)), *statements],
                placement=placement,
            )

        self.main = make("operator", operator, salt_statements)
        self.custodian = make("custodian", custodian, ()) if custodian else None
        self._schedule(
            "Upkeep",
            "Partitions ahead, shared devices and addresses counted",
            Duration.hours(1),
            "upkeep",
            {"ahead": MONTHS_AHEAD},
        )
        if retention_months is not None:
            self._schedule(
                "Retention",
                f"Logins older than {retention_months} months dropped",
                Duration.days(1),
                "retention",
                {"months": retention_months, "ahead": MONTHS_AHEAD, "reason": "retention period", "dry_run": False},
            )

    def _schedule(
        self, construct_id: str, description: str, every: Duration, operation: str, arguments: Mapping[str, object]
    ) -> None:
        event = events.RuleTargetInput.from_object({"operation": operation, "arguments": dict(arguments)})
        events.Rule(
            self,
            construct_id,
            description=description,
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(self.main.function, event=event, retry_attempts=2)],
        )
