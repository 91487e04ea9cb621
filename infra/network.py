"""The network: no way out, and one way to each thing that a function needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Aws, Fn, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.function import LOG_RETENTION

CIDR = "10.42.0.0/24"
ZONES = 2
HTTPS = 443


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where functions run: a VPC, its subnets and the security group of the functions."""

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    security_group: ec2.ISecurityGroup


class Network(Construct):
    """A VPC of isolated subnets, made here or an existing one, and the functions' `placement` in it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc_id: str | None,
        subnet_ids: Sequence[str],
        log_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        if vpc_id:
            zones = [Fn.select(index, Fn.get_azs()) for index in range(len(subnet_ids))]
            self.vpc: ec2.IVpc = ec2.Vpc.from_vpc_attributes(
                self, "Vpc", vpc_id=vpc_id, availability_zones=zones, isolated_subnet_ids=list(subnet_ids)
            )
        else:
            self.vpc = self._isolated_vpc(log_key)
        self.subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        functions = ec2.SecurityGroup(
            self, "Functions", vpc=self.vpc, description="Functions of the pipeline", allow_all_outbound=False
        )
        self.placement = Placement(vpc=self.vpc, subnets=self.subnets, security_group=functions)

    def _isolated_vpc(self, log_key: kms.IKey) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(CIDR),
            max_azs=ZONES,
            nat_gateways=0,
            create_internet_gateway=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26)
            ],
        )
        log_group = logs.LogGroup(
            self, "FlowLogs", retention=LOG_RETENTION, encryption_key=log_key, removal_policy=RemovalPolicy.DESTROY
        )
        vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group))
        return vpc

    def open(self, target: ec2.ISecurityGroup, port: int, purpose: str) -> None:
        """Let the functions reach a port of what `target` guards."""
        self.placement.security_group.connections.allow_to(target, ec2.Port.tcp(port), purpose)

    def add_endpoint(
        self,
        construct_id: str,
        *,
        service: ec2.InterfaceVpcEndpointAwsService,
        purpose: str,
        zones: int,
        actions: Sequence[str],
        resource: str,
        callers: Sequence[iam.IRole],
    ) -> None:
        """Add the interface endpoint of a service, for these actions of these roles on one resource."""
        endpoint = ec2.InterfaceVpcEndpoint(
            self,
            construct_id,
            vpc=self.vpc,
            service=service,
            subnets=ec2.SubnetSelection(subnets=self.vpc.isolated_subnets[:zones]),
            open=False,
            security_groups=[
                security_group := ec2.SecurityGroup(
                    self,
                    f"{construct_id}Access",
                    vpc=self.vpc,
                    description=f"The {construct_id.upper()} endpoint",
                    allow_all_outbound=False,
                )
            ],
        )
        self.open(security_group, HTTPS, purpose)
        endpoint.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=list(actions),
                resources=[resource],
                # The roles as a condition: as principals they would be ids, which break when a role is made anew.
                conditions={
                    "ArnEquals": {"aws:PrincipalArn": [role.role_arn for role in callers]},
                    "StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID},
                },
            )
        )
