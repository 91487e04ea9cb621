"""A function of the pipeline: the shared bundle, a role of hand-written statements, an encrypted log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.logs import add_log
from infra.nag import acknowledge
from infra.placement import Placement

RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


@dataclass(frozen=True, kw_only=True)
class FunctionDefaults:
    """What all functions of a stack share: code, processor, `key` of log and environment, variables, placement."""

    code: lambda_.Code
    arch: str
    key: kms.IKey
    environment: Mapping[str, str]
    placement: Placement | None


class PipelineFunction(Construct):
    """`function` and its `role`. The role only has permissions for its own log, traces and network interfaces."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        handler: str,
        description: str,
        environment: Mapping[str, str],
        timeout_seconds: int,
        memory_mb: int,
        statements: Sequence[iam.PolicyStatement],
        reserved_concurrency: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        placement = defaults.placement
        log_group = add_log(self, "Logs", key=defaults.key)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        own = [
            iam.PolicyStatement(
                sid="WriteOwnLog",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],  # ends in `:*`: the streams of this log group
            ),
            *(_network_statements() if placement else ()),
        ]
        for statement in [*own, *statements]:
            self.role.add_to_policy(statement)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=RUNTIME,
            architecture=ARCHITECTURES[defaults.arch],
            handler=handler,
            description=description,
            code=defaults.code,
            role=self.role,
            environment={**defaults.environment, **environment},
            environment_encryption=defaults.key,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mb,
            reserved_concurrent_executions=reserved_concurrency,
            logging_format=lambda_.LoggingFormat.JSON,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            vpc=placement.vpc if placement else None,
            vpc_subnets=placement.subnets if placement else None,
            security_groups=[placement.security_group] if placement else None,
        )
        # A short logical id, for example for `sam local invoke IngestFunction`.
        cast("lambda_.CfnFunction", self.function.node.default_child).override_logical_id(construct_id)
        acknowledge(
            self,
            {
                "AwsSolutions-IAM5[Resource::*]": "X-Ray's two write actions know no resources"
                + (", nor do those for network interfaces; the code itself is denied the latter" if placement else ""),
                "AwsSolutions-L1": "the bundle is built and tested for the runtime named here; a newer one is a change",
            },
        )


def _network_statements() -> list[iam.PolicyStatement]:
    actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ]
    return [
        iam.PolicyStatement(sid="NetworkInterfaces", actions=actions, resources=["*"]),
        # Lambda needs these, the code does not: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
        iam.PolicyStatement(
            sid="NoNetworkInterfacesForCode",
            effect=iam.Effect.DENY,
            actions=actions,
            resources=["*"],
            conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
        ),
    ]
