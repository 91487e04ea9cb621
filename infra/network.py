"""The network: no internet access, and one route to each service that a function needs."""

from collections.abc import Sequence

from aws_cdk import Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.logs import add_log
from infra.placement import Placement

CIDR = "10.42.0.0/24"
ZONES = 2
HTTPS = 443


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
        log_group = add_log(self, "FlowLogs", key=log_key)
        vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group))
        return vpc

    def open(self, target: ec2.ISecurityGroup, port: int, purpose: str) -> None:
        """Let the functions reach a port of the resources in the security group `target`."""
        self.placement.security_group.connections.allow_to(target, ec2.Port.tcp(port), purpose)
