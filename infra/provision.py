"""The deploy step that migrates the database and creates the salt before the first message is received."""

from collections.abc import Mapping, Sequence

from aws_cdk import CfnResource, Duration, Stack, triggers
from aws_cdk import aws_kms as kms
from constructs import Construct, IDependable

from infra.access import DatabaseAccess
from infra.function import FunctionDefaults, PipelineFunction
from infra.logs import add_log
from infra.salt import Salt
from infra.settings import Settings

TIMEOUT_SECONDS = 300
# The id that the CDK gives to the one function that runs a stack's triggers.
PROVIDER_ID = "AWSCDK.TriggerCustomResourceProviderCustomResourceProvider"


class Provision(Construct):
    """`function` with its `role`; `run` has each deploy invoke it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        owner: DatabaseAccess,
        logins: Mapping[str, DatabaseAccess],
        salt: Salt,
        settings: Settings,
    ) -> None:
        super().__init__(scope, construct_id)
        self._made = PipelineFunction(
            self,
            "ProvisionFunction",
            defaults=defaults,
            handler="lambda_src.provision.lambda_handler",
            description="Migrates the database and makes the salt, once per deploy",
            environment={
                **owner.environment,
                "SALT_KEY": salt.key.key_arn,
                "DAILY_PARTITIONS": str(settings.daily_partitions).lower(),
                "VALUES_PER_HOUR": str(settings.values_per_hour),
                **{
                    f"{role.upper()}_PASSWORD": login.environment["PGPASSWORD"]
                    for role, login in logins.items()
                    if login.password
                },
            },
            timeout_seconds=TIMEOUT_SECONDS,
            memory_mb=512,
            statements=[*owner.statements(self), *salt.create_statements(), *salt.read_statements()],
        )
        self.function, self.role = self._made.function, self._made.role

    def run(self, *, after: Sequence[IDependable], before: Sequence[Construct], key: kms.IKey) -> None:
        """Invoke the function on the first deploy and when its code or settings change; a failure fails the deploy."""
        trigger = triggers.Trigger(
            self,
            "Trigger",
            handler=self.function,
            timeout=Duration.seconds(TIMEOUT_SECONDS + 10),
            execute_before=list(before),
        )
        trigger.node.add_dependency(self._made, *after)
        # Without this, the CDK's provider would leave an unencrypted log that never expires.
        log_group = add_log(self, "ProviderLogs", key=key)
        provider = Stack.of(self).node.find_child(PROVIDER_ID)
        handler = provider.node.find_child("Handler")
        if not isinstance(handler, CfnResource):
            raise TypeError(f"{PROVIDER_ID}/Handler is no CfnResource: the CDK's trigger provider has changed")
        handler.add_property_override("LoggingConfig", {"LogGroup": log_group.log_group_name})
