"""The database of the stack: RDS PostgreSQL or Aurora Serverless v2, with IAM log-ins only and no password."""

from aws_cdk import CfnResource, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.database_parameters import DESCRIPTION, server_parameters
from infra.nag import acknowledge
from infra.settings import Settings

BACKUP_DAYS = 14
# RDS accepts a major version and picks its newest minor; Aurora needs both. The tests run the same major version.
RDS_VERSION = "18"
AURORA_VERSION = rds.AuroraPostgresEngineVersion.VER_18_3.aurora_postgres_full_version
AURORA_FAMILY = "aurora-postgresql18"
CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1"


class Database(Construct):
    """A private, encrypted PostgreSQL.

    `host`, `port`, `name` and `resource_id` say how to reach it. `security_group` protects it. `identifier` is its name
    in metrics. `kind` is rds or aurora. `ready` holds the resources that must exist before it accepts log-ins.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        key: kms.IKey,
        max_connections: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self.kind, self.name, self.port = settings.database, settings.database_name, settings.database_port
        self._settings, self._key = settings, key
        self._parameters = server_parameters(max_connections, pgaudit=settings.pgaudit)
        self.security_group = ec2.SecurityGroup(
            self, "Access", vpc=vpc, description="Database of the pipeline", allow_all_outbound=False
        )
        self._subnet_group = rds.CfnDBSubnetGroup(
            self,
            "Subnets",
            db_subnet_group_description="Isolated subnets of the pipeline",
            subnet_ids=vpc.select_subnets(subnet_type=subnets.subnet_type).subnet_ids,
        )
        resource = self._cluster() if self.kind == "aurora" else self._instance()
        resource.apply_removal_policy(RemovalPolicy.SNAPSHOT if settings.retain_data else RemovalPolicy.DESTROY)
        self.identifier = resource.ref
        self._acknowledge()

    def _instance(self) -> CfnResource:
        settings, snapshot = self._settings, self._settings.restore_snapshot
        group = rds.CfnDBParameterGroup(
            self,
            "Parameters",
            description=DESCRIPTION,
            family=f"postgres{RDS_VERSION}",
            parameters=self._parameters,
        )
        instance = rds.CfnDBInstance(
            self,
            "Instance",
            engine="postgres",
            engine_version=RDS_VERSION,
            auto_minor_version_upgrade=True,
            db_instance_class=settings.instance_class,
            db_snapshot_identifier=snapshot,
            db_name=None if snapshot else self.name,
            port=str(self.port),
            master_username=None if snapshot else settings.database_owner,
            master_user_authentication_type=None if snapshot else "iam-db-auth",
            enable_iam_database_authentication=True,
            db_parameter_group_name=group.ref,
            db_subnet_group_name=self._subnet_group.ref,
            vpc_security_groups=[self.security_group.security_group_id],
            publicly_accessible=False,
            ca_certificate_identifier=CERTIFICATE_AUTHORITY,
            multi_az=settings.multi_az,
            storage_type="gp3",
            # A snapshot brings its own size, and RDS refuses a smaller one.
            allocated_storage=None if snapshot else str(settings.storage_gib),
            max_allocated_storage=settings.max_storage_gib,
            storage_encrypted=None if snapshot else True,
            kms_key_id=None if snapshot else self._key.key_arn,
            backup_retention_period=BACKUP_DAYS,
            copy_tags_to_snapshot=True,
            delete_automated_backups=None if snapshot else not settings.retain_data,
            deletion_protection=settings.deletion_protection,
        )
        self.ready: list[Construct] = [instance]
        self.host, self.resource_id = instance.attr_endpoint_address, instance.attr_dbi_resource_id
        return instance

    def _cluster(self) -> CfnResource:
        settings, snapshot = self._settings, self._settings.restore_snapshot
        group = rds.CfnDBClusterParameterGroup(
            self, "Parameters", description=DESCRIPTION, family=AURORA_FAMILY, parameters=self._parameters
        )
        cluster = rds.CfnDBCluster(
            self,
            "Cluster",
            engine="aurora-postgresql",
            engine_version=AURORA_VERSION,
            snapshot_identifier=snapshot,
            database_name=None if snapshot else self.name,
            port=self.port,
            master_username=None if snapshot else settings.database_owner,
            master_user_authentication_type=None if snapshot else "iam-db-auth",
            enable_iam_database_authentication=True,
            db_cluster_parameter_group_name=group.ref,
            db_subnet_group_name=self._subnet_group.ref,
            vpc_security_group_ids=[self.security_group.security_group_id],
            storage_encrypted=None if snapshot else True,
            kms_key_id=None if snapshot else self._key.key_arn,
            backup_retention_period=BACKUP_DAYS,
            copy_tags_to_snapshot=True,
            deletion_protection=settings.deletion_protection,
            serverless_v2_scaling_configuration=rds.CfnDBCluster.ServerlessV2ScalingConfigurationProperty(
                min_capacity=settings.min_capacity, max_capacity=settings.max_capacity
            ),
        )
        instances = [
            rds.CfnDBInstance(
                self,
                f"Instance{number}",
                engine="aurora-postgresql",
                db_cluster_identifier=cluster.ref,
                db_instance_class="db.serverless",
                ca_certificate_identifier=CERTIFICATE_AUTHORITY,
                # After an automatic upgrade, a deploy of the version above would be a downgrade.
                auto_minor_version_upgrade=False,
                publicly_accessible=False,
            )
            for number in range(1, 3 if settings.multi_az else 2)
        ]
        self.ready = [cluster, *instances]
        self.host, self.resource_id = cluster.attr_endpoint_address, cluster.attr_db_cluster_resource_id
        return cluster

    def _acknowledge(self) -> None:
        settings = self._settings
        reasons = {"AwsSolutions-RDS11": "a port is no secret: the security group says who may reach it"}
        if not settings.multi_az:
            reasons["AwsSolutions-RDS3"] = "a standby is one context value (multiAz), on in production"
        if settings.restore_snapshot:
            # CloudFormation refuses these properties with a snapshot, which brings its own name, owner, key and log-in.
            reasons["AwsSolutions-RDS2"] = "encrypted as its snapshot is"
        if not settings.deletion_protection:
            reasons["AwsSolutions-RDS10"] = "deletionProtection=false was asked for"
        acknowledge(self, reasons)
