"""The functions that run operations of operators next to the private database, on request or on a schedule."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.access import DatabaseAccess
from infra.function import FunctionDefaults, PipelineFunction
from infra.salt import Salt

TIMEOUT_SECONDS = 900
MONTHS_AHEAD = 12


@dataclass(frozen=True, kw_only=True)
class OperatorFunction:
    """One operator function. `name` is also the name of its database role and of its group in OPERATIONS.

    `concurrency` is reserved; each invocation at a time takes one connection.
    """

    name: str
    description: str
    concurrency: int
    reads_salts: bool = False
    needs_vault: bool = False

    @property
    def function_id(self) -> str:
        """The logical id of the function."""
        return f"{self.name.capitalize()}Function"


# The functions are separate, so that IAM can allow a person to invoke one and not the other.
OPERATORS = (
    OperatorFunction(
        name="operator",
        description="Does next to the database what operators ask for, and what is due",
        concurrency=4,
        reads_salts=True,
    ),
    OperatorFunction(
        name="custodian",
        description="Hands out sealed originals, each with its audit entry",
        concurrency=1,
        needs_vault=True,
    ),
)
# The function that runs the schedules.
SCHEDULED = "operator"


class Operators(Construct):
    """`functions` of all OPERATORS by name, those of the vault only where it is on; `salt_readers` are their roles."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        logins: Mapping[str, DatabaseAccess],
        salt: Salt,
        vault: bool,
        reserve_concurrency: bool,
        retention_months: int | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.functions: dict[str, lambda_.Function] = {}
        self.salt_readers: list[iam.IRole] = []
        for operator in OPERATORS:
            if operator.needs_vault and not vault:
                continue
            access = logins[operator.name]
            made = PipelineFunction(
                self,
                operator.function_id,
                defaults=defaults,
                handler="ops.operator.lambda_handler",
                description=operator.description,
                environment={**access.environment, "OPERATIONS": operator.name},
                timeout_seconds=TIMEOUT_SECONDS,
                memory_mb=512,
                statements=[
                    *access.statements(self),
                    *(salt.history_statements() if operator.reads_salts else ()),
                ],
                reserved_concurrency=operator.concurrency if reserve_concurrency else None,
            )
            self.functions[operator.name] = made.function
            if operator.reads_salts:
                self.salt_readers.append(made.role)
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

    @property
    def scheduled(self) -> lambda_.Function:
        """The function that runs the schedules."""
        return self.functions[SCHEDULED]

    @property
    def outputs(self) -> dict[str, str]:
        """The functions' names, as outputs of the stack."""
        return {f"{name.capitalize()}FunctionName": made.function_name for name, made in self.functions.items()}

    def _schedule(
        self, construct_id: str, description: str, every: Duration, operation: str, arguments: Mapping[str, object]
    ) -> None:
        event = events.RuleTargetInput.from_object({"operation": operation, "arguments": dict(arguments)})
        events.Rule(
            self,
            construct_id,
            description=description,
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(self.scheduled, event=event, retry_attempts=2)],
        )
