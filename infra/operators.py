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
from infra.settings import Settings

TIMEOUT_SECONDS = 900
MONTHS_AHEAD = 12


@dataclass(frozen=True, kw_only=True)
class OperatorFunction:
    """One operator function. `name` is also the name of its database role and of its group in OPERATIONS.

    `concurrency` is reserved; each invocation at a time takes one connection. `switch` is the setting without which the
    function is not made.
    """

    name: str
    description: str
    concurrency: int
    reads_salts: bool = False
    switch: str | None = None

    @property
    def function_id(self) -> str:
        """The logical id of the function."""
        return f"{self.name.capitalize()}Function"


# The functions are separate, so that IAM can allow a person to invoke one and not the other.
OPERATORS = (
    OperatorFunction(
        name="reader",
        description="Reads reports, reasons of rejects, the audit table and the state of the database",
        concurrency=3,
    ),
    OperatorFunction(
        name="masker",
        description="Masks and looks up a few values an hour, each with its audit entry",
        concurrency=2,
        reads_salts=True,
    ),
    OperatorFunction(
        name="remover",
        description="Erases, drops, archives and restores logins, and does what is due",
        concurrency=3,
    ),
    OperatorFunction(
        name="custodian",
        description="Hands out sealed originals, each with its audit entry",
        concurrency=1,
        switch="vault_key_arn",
    ),
    OperatorFunction(
        name="linker",
        description="Hands out all sealed originals of a version of the salt, to link them to another",
        concurrency=1,
        switch="linking",
    ),
)
# The function that runs the schedules.
SCHEDULED = "remover"


def enabled_operators(settings: Settings) -> list[OperatorFunction]:
    """Return the functions whose setting is on, or that need none."""
    return [each for each in OPERATORS if each.switch is None or getattr(settings, each.switch)]


class Operators(Construct):
    """`functions` of the enabled OPERATORS by name; `salt_readers` are the roles of those that read the salt."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        defaults: FunctionDefaults,
        logins: Mapping[str, DatabaseAccess],
        salt: Salt,
    ) -> None:
        super().__init__(scope, construct_id)
        self.functions: dict[str, lambda_.Function] = {}
        self.salt_readers: list[iam.IRole] = []
        for operator in enabled_operators(settings):
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
                reserved_concurrency=operator.concurrency if settings.reserve_concurrency else None,
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
        months = settings.retention_months
        if months is not None:
            self._schedule(
                "Retention",
                f"Logins older than {months} months dropped",
                Duration.days(1),
                "retention",
                {"months": months, "ahead": MONTHS_AHEAD, "reason": "retention period", "dry_run": False},
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
