"""The step of a deploy that migrates the database and makes the salt, before any message is taken."""

from collections.abc import Sequence

from aws_cdk import CfnResource, Duration, RemovalPolicy, Stack, triggers
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IDependable

from infra.function import LOG_RETENTION

# The id that the CDK gives to the one function that runs a stack's triggers.
PROVIDER_ID = "AWSCDK.TriggerCustomResourceProviderCustomResourceProvider"


class Provision(Construct):
    """Runs the provision function on the first deploy and whenever its code or settings change; a failure stops it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.Function,
        timeout_seconds: int,
        after: Sequence[IDependable],
        before: Sequence[Construct],
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        trigger = triggers.Trigger(
            self,
            "Trigger",
            handler=function,
            timeout=Duration.seconds(timeout_seconds + 10),
            execute_before=list(before),
        )
        trigger.node.add_dependency(*after)
        # The CDK's provider would leave a log of its own behind, for ever and in the clear.
        log_group = logs.LogGroup(
            self, "ProviderLogs", retention=LOG_RETENTION, encryption_key=key, removal_policy=RemovalPolicy.DESTROY
        )
        provider = Stack.of(self).node.find_child(PROVIDER_ID)
        handler = provider.node.find_child("Handler")
        if not isinstance(handler, CfnResource):
            raise TypeError(f"{PROVIDER_ID}/Handler is no CfnResource: the CDK's trigger provider has changed")
        handler.add_property_override("LoggingConfig", {"LogGroup": log_group.log_group_name})
