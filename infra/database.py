"""The database of the stack: RDS PostgreSQL or Aurora Serverless v2, with IAM log-ins only: there is no password."""

from aws_cdk import CfnResource, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.nag import acknowledge

BACKUP_DAYS = 14
# RDS takes a major version and picks its newest minor; Aurora wants both. The tests run the same major version.
RDS_VERSION = "18"
AURORA_VERSION = rds.AuroraPostgresEngineVersion.VER_18_3.aurora_postgres_full_version
AURORA_FAMILY = "aurora-postgresql18"
CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1"
# No statement and no value of one in the server's log: not of a failed one, not in an error's detail or context.
QUIET_LOG = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
# A query over all months of a table that is partitioned by day locks some 2,500 tables and indexes.
LOCKS_A_CONNECTION = 512


class Database(Construct):
    """A private, encrypted PostgreSQL.

    `host`, `port`, `name` and `resource_id` say how to reach it, `security_group` guards it, `identifier` is its name
    in metrics, `kind` is rds or aurora, and `ready` is what must exist before it takes log-ins.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        kind: str,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        key: kms.IKey,
        name: str,
        port: int,
        owner: str,
        max_connections: int,
        multi_az: bool,
        instance_class: str,
        storage_gib: int,
        max_storage_gib: int,
        min_capacity: float,
        max_capacity: float,
        deletion_protection: bool,
        retain_data: bool,
        snapshot: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.kind, self.name, self.port = kind, name, port
        self.security_group = ec2.SecurityGroup(
            self, "Access", vpc=vpc, description="Database of the pipeline", allow_all_outbound=False
        )
        subnet_group = rds.CfnDBSubnetGroup(
            self,
            "Subnets",
            db_subnet_group_description="Isolated subnets of the pipeline",
            subnet_ids=vpc.select_subnets(subnet_type=subnets.subnet_type).subnet_ids,
        )
        parameters = {
            "rds.force_ssl": "1",
            "max_connections": str(max_connections),
            "max_locks_per_transaction": str(LOCKS_A_CONNECTION),
            **QUIET_LOG,
        }
        description = "TLS only, no statement in the log, connections as budgeted"
        if kind == "aurora":
            cluster_group = rds.CfnDBClusterParameterGroup(
                self, "Parameters", description=description, family=AURORA_FAMILY, parameters=parameters
            )
            cluster = rds.CfnDBCluster(
                self,
                "Cluster",
                engine="aurora-postgresql",
                engine_version=AURORA_VERSION,
                snapshot_identifier=snapshot,
                database_name=None if snapshot else name,
                port=port,
                master_username=None if snapshot else owner,
                master_user_authentication_type=None if snapshot else "iam-db-auth",
                enable_iam_database_authentication=True,
                db_cluster_parameter_group_name=cluster_group.ref,
                db_subnet_group_name=subnet_group.ref,
                vpc_security_group_ids=[self.security_group.security_group_id],
                storage_encrypted=None if snapshot else True,
                kms_key_id=None if snapshot else key.key_arn,
                backup_retention_period=BACKUP_DAYS,
                copy_tags_to_snapshot=True,
                deletion_protection=deletion_protection,
                serverless_v2_scaling_configuration=rds.CfnDBCluster.ServerlessV2ScalingConfigurationProperty(
                    min_capacity=min_capacity, max_capacity=max_capacity
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
                    auto_minor_version_upgrade=False,  # the version above would be a step back afterwards
                    publicly_accessible=False,
                )
                for number in range(1, 3 if multi_az else 2)
            ]
            resource: CfnResource = cluster
            self.ready: list[Construct] = [cluster, *instances]
            self.host, self.resource_id = cluster.attr_endpoint_address, cluster.attr_db_cluster_resource_id
        else:
            instance_group = rds.CfnDBParameterGroup(
                self, "Parameters", description=description, family=f"postgres{RDS_VERSION}", parameters=parameters
            )
            instance = rds.CfnDBInstance(
                self,
                "Instance",
                engine="postgres",
                engine_version=RDS_VERSION,
                auto_minor_version_upgrade=True,
                db_instance_class=instance_class,
                db_snapshot_identifier=snapshot,
                db_name=None if snapshot else name,
                port=str(port),
                master_username=None if snapshot else owner,
                master_user_authentication_type=None if snapshot else "iam-db-auth",
                enable_iam_database_authentication=True,
                db_parameter_group_name=instance_group.ref,
                db_subnet_group_name=subnet_group.ref,
                vpc_security_groups=[self.security_group.security_group_id],
                publicly_accessible=False,
                ca_certificate_identifier=CERTIFICATE_AUTHORITY,
                multi_az=multi_az,
                storage_type="gp3",
                allocated_storage=str(storage_gib),
                max_allocated_storage=max_storage_gib,
                storage_encrypted=None if snapshot else True,
                kms_key_id=None if snapshot else key.key_arn,
                backup_retention_period=BACKUP_DAYS,
                copy_tags_to_snapshot=True,
                delete_automated_backups=not retain_data,
                deletion_protection=deletion_protection,
            )
            resource, self.ready = instance, [instance]
            self.host, self.resource_id = instance.attr_endpoint_address, instance.attr_dbi_resource_id
        resource.apply_removal_policy(RemovalPolicy.SNAPSHOT if retain_data else RemovalPolicy.DESTROY)
        self.identifier = resource.ref
        reasons = {"AwsSolutions-RDS11": "a port is no secret: the security group admits the functions alone"}
        if not multi_az:
            reasons["AwsSolutions-RDS3"] = "a standby is one context value (multiAz), on in production"
        if snapshot:
            # CloudFormation refuses these properties then: the snapshot brings its own name, owner, key and log-in.
            reasons["AwsSolutions-RDS2"] = "encrypted as its snapshot is"
        if not deletion_protection:
            reasons["AwsSolutions-RDS10"] = "deletionProtection=false was asked for"
        acknowledge(self, reasons)
