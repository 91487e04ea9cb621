"""The VPC endpoints: one for each AWS service that a function calls."""

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.network import HTTPS, Network
from infra.salt import Salt
from infra.settings import Settings


class Endpoints(Construct):
    """Interface endpoints, each for a few actions of a few roles on one resource; or the access to existing ones."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        network: Network,
        salt: Salt,
        salt_callers: Sequence[iam.IRole],
        dead_letter_queue: sqs.IQueue,
        sender: iam.IRole,
    ) -> None:
        super().__init__(scope, construct_id)
        self._network = network
        self._zones = settings.endpoint_zones
        if settings.endpoint_security_group:
            existing = ec2.SecurityGroup.from_security_group_id(self, "Existing", settings.endpoint_security_group)
            network.open(existing, HTTPS, "functions to the endpoints")
        if settings.ssm_endpoint:
            self._add(
                "Ssm",
                service=ec2.InterfaceVpcEndpointAwsService.SSM,
                purpose="the salt, from SSM",
                actions=["ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter"],
                resource=salt.arn,
                callers=salt_callers,
            )
        if settings.quarantine and settings.sqs_endpoint:
            self._add(
                "Sqs",
                service=ec2.InterfaceVpcEndpointAwsService.SQS,
                purpose="rejected messages, to SQS",
                actions=["sqs:SendMessage"],
                resource=dead_letter_queue.queue_arn,
                callers=[sender],
            )

    def _add(
        self,
        construct_id: str,
        *,
        service: ec2.InterfaceVpcEndpointAwsService,
        purpose: str,
        actions: Sequence[str],
        resource: str,
        callers: Sequence[iam.IRole],
    ) -> None:
        vpc = self._network.vpc
        security_group = ec2.SecurityGroup(
            self,
            f"{construct_id}Access",
            vpc=vpc,
            description=f"The {construct_id.upper()} endpoint",
            allow_all_outbound=False,
        )
        endpoint = ec2.InterfaceVpcEndpoint(
            self,
            construct_id,
            vpc=vpc,
            service=service,
            subnets=ec2.SubnetSelection(subnets=vpc.isolated_subnets[: self._zones]),
            open=False,
            security_groups=[security_group],
        )
        self._network.open(security_group, HTTPS, purpose)
        endpoint.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=list(actions),
                resources=[resource],
                # A condition names the roles. AWS stores principals as ids, which break when a role is re-created.
                conditions={
                    "ArnEquals": {"aws:PrincipalArn": [role.role_arn for role in callers]},
                    "StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID},
                },
            )
        )
