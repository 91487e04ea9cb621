"""RDS Proxy between the function and the database. It is optional, because the function holds few connections."""

from dataclasses import replace

from aws_cdk import Aws, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.access import DatabaseAccess
from infra.database import Database


class Proxy(Construct):
    """A proxy with IAM on both sides, so without a secret. `access` is the log-in through it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        database: Database,
        access: DatabaseAccess,
    ) -> None:
        super().__init__(scope, construct_id)
        security_group = ec2.SecurityGroup(
            self, "Access", vpc=vpc, description="RDS Proxy of the pipeline", allow_all_outbound=False
        )
        security_group.connections.allow_to(
            database.security_group, ec2.Port.tcp(database.port), "the proxy, to the database"
        )
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "rds.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
        )
        for statement in access.statements(self):
            role.add_to_policy(statement)
        proxy = rds.CfnDBProxy(
            self,
            "Proxy",
            db_proxy_name=name,
            engine_family="POSTGRESQL",
            default_auth_scheme="IAM_AUTH",
            require_tls=True,
            debug_logging=False,  # it would log statements
            role_arn=role.role_arn,
            vpc_subnet_ids=vpc.select_subnets(subnet_type=subnets.subnet_type).subnet_ids,
            vpc_security_group_ids=[security_group.security_group_id],
        )
        proxy.node.add_dependency(role)
        group = rds.CfnDBProxyTargetGroup(
            self,
            "Targets",
            db_proxy_name=proxy.ref,
            target_group_name="default",
            db_instance_identifiers=[database.identifier] if database.kind == "rds" else None,
            db_cluster_identifiers=[database.identifier] if database.kind == "aurora" else None,
        )
        group.node.add_dependency(*database.ready)
        self.ready = [group]
        self.access = replace(
            access,
            host=proxy.attr_endpoint,
            security_group=security_group,
            # arn:aws:rds:region:account:db-proxy:prx-…
            resource_id=Fn.select(6, Fn.split(":", proxy.attr_db_proxy_arn)),
        )
