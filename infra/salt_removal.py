"""Deletes the salt together with the stack, or keeps it."""

from dataclasses import replace

from aws_cdk import CustomResource, RemovalPolicy
from constructs import Construct

from infra.function import FunctionDefaults, PipelineFunction
from infra.salt import Salt


class SaltRemoval(Construct):
    """Has a function delete the salt together with the stack, unless `retain`.

    After the salt is deleted, no existing row can be compared with a later one. The resource exists in both cases, so
    that a change of `retain` only changes its deletion policy and deletes nothing.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, defaults: FunctionDefaults, salt: Salt, retain: bool
    ) -> None:
        super().__init__(scope, construct_id)
        made = PipelineFunction(
            self,
            "SaltRemovalFunction",
            # The function runs outside the VPC, because it answers CloudFormation over the internet.
            defaults=replace(defaults, environment={}, placement=None),
            handler="lambda_src.salt_removal.lambda_handler",
            description="Deletes the salt together with the stack, if nothing is to be retained",
            environment={},
            timeout_seconds=60,
            memory_mb=256,
            statements=[] if retain else [salt.delete_statement()],
        )
        CustomResource(
            self,
            "Resource",
            resource_type="Custom::SaltRemoval",
            service_token=made.function.function_arn,
            properties={"Parameter": salt.name},
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        ).node.add_dependency(made.function)
