"""The stack: wires the constructs together and grants; each construct knows only what it is given."""

import json
from dataclasses import replace

from aws_cdk import CfnOutput, Duration, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IDependable

from infra.access import DatabaseAccess
from infra.database import Database
from infra.delivery import ConnectionBudget, Delivery
from infra.function import PipelineFunction
from infra.keys import Keys
from infra.monitoring import NAMESPACE, Monitoring
from infra.nag import acknowledge
from infra.network import HTTPS, Network
from infra.operator import Operator
from infra.provision import Provision
from infra.proxy import Proxy
from infra.queue import LoginQueue
from infra.salt import Salt
from infra.settings import Settings

INGEST, OPERATOR, CUSTODIAN = ROLES = ("ingest", "operator", "custodian")  # the migrations make them
PROVISION_SECONDS = 300


class LoginPipelineStack(Stack):
    """Queue, functions, salt, alarms; network and database of its own, or the way to existing ones."""

    def __init__(self, scope: Construct, *, settings: Settings, code: lambda_.Code) -> None:
        name = f"login-pipeline-{settings.stage}"
        super().__init__(
            scope,
            f"LoginPipeline-{settings.stage}",
            description="Login events from SQS to Postgres, personal data masked",
            termination_protection=settings.deletion_protection and not settings.existing_database,
        )
        # The CDK orders some resources twice over; harmless.
        self.template_options.metadata = {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
        delivery = Delivery(
            timeout_seconds=settings.function_timeout,
            window_seconds=settings.batch_window,
            quarantine=settings.quarantine,
            outage_minutes=settings.outage_minutes,
        )
        budget = ConnectionBudget(ingest=settings.ingest_connections)
        keys = Keys(self, "Keys", name=name, retain_data=settings.retain_data, salt_key_arn=settings.salt_key_arn)
        queues = LoginQueue(self, "Queue", name=name, key=keys.queue, delivery=delivery)
        salt = Salt(self, "Salt", name=settings.salt_parameter or f"/{name}/salt", key=keys.salt)
        keep_salt = settings.retain_data or settings.salt_parameter is not None
        network = self._network(settings, keys)
        database = self._database(settings, keys, network, budget)
        owner = self._owner(settings, database)
        logins = {role: self._login(settings, owner, keys, name, role) for role in ROLES}
        ingest = logins[INGEST]
        if settings.proxy and network and database:
            ingest = Proxy(
                self,
                "Proxy",
                name=name,
                vpc=network.vpc,
                subnets=network.subnets,
                database=database,
                access=ingest,
            ).access

        common = {
            "SALT_PARAMETER": salt.name,
            "POWERTOOLS_SERVICE_NAME": name,
            "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
            **({"AWS_ENDPOINT_URL": settings.endpoint_url} if settings.endpoint_url else {}),
        }
        placement = network.placement if network else None
        provision = PipelineFunction(
            self,
            "ProvisionFunction",
            handler="lambda_src.provision.lambda_handler",
            description="Migrates the database and makes the salt, once per deploy",
            code=code,
            arch=settings.arch,
            environment={
                **common,
                **owner.environment,
                "SALT_KEY": keys.salt.key_arn,
                "DAILY_PARTITIONS": str(settings.daily_partitions).lower(),
                **{
                    f"{role.upper()}_PASSWORD": login.environment["PGPASSWORD"]
                    for role, login in logins.items()
                    if login.password
                },
            },
            timeout_seconds=PROVISION_SECONDS,
            memory_mb=512,
            key=keys.storage,
            statements=[*owner.statements(self), *salt.create_statements(), *salt.read_statements()],
            placement=placement,
        )
        function = PipelineFunction(
            self,
            "IngestFunction",
            handler="lambda_src.handler.lambda_handler",
            description="Masks login events and writes them to Postgres",
            code=code,
            arch=settings.arch,
            environment={
                **common,
                **ingest.environment,
                **({"DLQ_URL": queues.dead_letter_queue.queue_url} if settings.quarantine else {}),
                **({"VAULT_PUBLIC_KEY": settings.vault_public_key} if settings.vault_public_key else {}),
            },
            timeout_seconds=settings.function_timeout,
            memory_mb=settings.memory,
            key=keys.storage,
            statements=[
                *ingest.statements(self),
                *salt.read_statements(),
                *queues.poll_statements(),
                *(queues.quarantine_statements() if settings.quarantine else ()),
            ],
            placement=placement,
            reserved_concurrency=budget.max_concurrency if settings.reserve_concurrency else None,
        )
        source = lambda_.EventSourceMapping(
            self,
            "EventSource",
            target=function.function,
            event_source_arn=queues.queue.queue_arn,
            batch_size=settings.batch_size,
            max_batching_window=Duration.seconds(settings.batch_window),
            report_batch_item_failures=True,
            max_concurrency=budget.max_concurrency,
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]),
        )
        source.node.add_dependency(function)
        operator = Operator(
            self,
            "Operator",
            code=code,
            arch=settings.arch,
            environment=common,
            operator=logins[OPERATOR],
            custodian=logins[CUSTODIAN] if settings.vault_key_arn else None,
            salt_statements=salt.history_statements(),
            key=keys.storage,
            placement=placement,
            retention_months=settings.retention_months,
        )
        removal = PipelineFunction(
            self,
            "SaltRemovalFunction",
            handler="lambda_src.salt_removal.lambda_handler",
            description="Deletes the salt together with the stack, if nothing is to be retained",
            code=code,
            arch=settings.arch,
            environment={},
            timeout_seconds=60,
            memory_mb=256,
            key=keys.storage,
            statements=[] if keep_salt else [salt.delete_statement()],
        )
        salt.remove_with_stack(removal.function, retain=keep_salt)
        ready: list[IDependable] = [provision, keys, salt]
        if network:
            for access in (owner, ingest):
                if access.security_group:
                    network.open(access.security_group, access.port, "functions to the database")
                    ready.append(access.security_group)
            if settings.endpoint_security_group:
                theirs = ec2.SecurityGroup.from_security_group_id(
                    self, "EndpointAccess", settings.endpoint_security_group
                )
                network.open(theirs, HTTPS, "functions to the endpoints")
                ready.append(theirs)
            if settings.ssm_endpoint:
                network.add_endpoint(
                    "Ssm",
                    service=ec2.InterfaceVpcEndpointAwsService.SSM,
                    purpose="the salt, from SSM",
                    zones=settings.endpoint_zones,
                    actions=["ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter"],
                    resource=salt.arn,
                    callers=[provision.role, function.role, operator.main.role],
                )
            if settings.quarantine and settings.sqs_endpoint:
                network.add_endpoint(
                    "Sqs",
                    service=ec2.InterfaceVpcEndpointAwsService.SQS,
                    purpose="rejected messages, to SQS",
                    zones=settings.endpoint_zones,
                    actions=["sqs:SendMessage"],
                    resource=queues.dead_letter_queue.queue_arn,
                    callers=[function.role],
                )
            ready.append(network)
        if database:
            ready.append(database)
        Provision(
            self,
            "Provision",
            function=provision.function,
            timeout_seconds=PROVISION_SECONDS,
            after=ready,
            before=[source],
            key=keys.storage,
        )
        monitoring = Monitoring(
            self,
            "Monitoring",
            name=name,
            service=name,
            email=settings.alarm_email,
            key=keys.storage,
            queue=queues.queue,
            dead_letter_queue=queues.dead_letter_queue,
            late_seconds=delivery.late_seconds,
            function=function.function,
            function_timeout_seconds=settings.function_timeout,
            operator=operator.main.function,
            event_source_id=source.event_source_mapping_id,
            database_kind=database.kind if database else None,
            database_identifier=database.identifier if database else "",
            max_connections=budget.max_connections,
            storage_gib=settings.storage_gib,
        )
        outputs = {
            "QueueUrl": queues.queue.queue_url,
            "QueueArn": queues.queue.queue_arn,
            "QueueKeyArn": keys.queue.key_arn,
            "DeadLetterQueueUrl": queues.dead_letter_queue.queue_url,
            "FunctionName": function.function.function_name,
            "ProvisionFunctionName": provision.function.function_name,
            "OperatorFunctionName": operator.main.function.function_name,
            "SaltParameter": salt.name,
            "SaltKeyArn": keys.salt.key_arn,
            "AlarmTopicArn": monitoring.topic.topic_arn,
            "DatabaseHost": ingest.environment["PGHOST"],
            "DatabaseName": ingest.environment["PGDATABASE"],
        }
        if operator.custodian and settings.vault_key_arn:
            outputs |= {
                "CustodianFunctionName": operator.custodian.function.function_name,
                "VaultKeyArn": settings.vault_key_arn,
            }
        for key, value in outputs.items():
            CfnOutput(self, key, value=value)

    def _network(self, settings: Settings, keys: Keys) -> Network | None:
        if not settings.in_vpc:
            return None
        return Network(self, "Network", vpc_id=settings.vpc_id, subnet_ids=settings.subnet_ids, log_key=keys.storage)

    def _database(
        self, settings: Settings, keys: Keys, network: Network | None, budget: ConnectionBudget
    ) -> Database | None:
        if network is None or settings.existing_database:
            return None
        return Database(
            self,
            "Database",
            kind=settings.database,
            vpc=network.vpc,
            subnets=network.subnets,
            key=keys.storage,
            name=settings.database_name,
            port=settings.database_port,
            owner=settings.database_owner,
            max_connections=budget.max_connections,
            multi_az=settings.multi_az,
            instance_class=settings.instance_class,
            storage_gib=settings.storage_gib,
            max_storage_gib=settings.max_storage_gib,
            min_capacity=settings.min_capacity,
            max_capacity=settings.max_capacity,
            deletion_protection=settings.deletion_protection,
            retain_data=settings.retain_data,
            snapshot=settings.restore_snapshot,
        )

    def _owner(self, settings: Settings, database: Database | None) -> DatabaseAccess:
        """Return how the tables' owner reaches the database."""
        if database:
            return DatabaseAccess(
                host=database.host,
                port=database.port,
                name=database.name,
                user=settings.database_owner,
                resource_id=database.resource_id,
                security_group=database.security_group,
            )
        owner = DatabaseAccess(
            host=str(settings.database_host),
            port=settings.database_port,
            name=settings.database_name,
            user=settings.database_owner,
            ssl_mode=settings.database_ssl_mode,
            resource_id=settings.database_resource_id,
            security_group=(
                ec2.SecurityGroup.from_security_group_id(self, "DatabaseAccess", settings.database_security_group)
                if settings.database_security_group
                else None
            ),
        )
        if not settings.database_secret:
            return owner
        return replace(
            owner,
            user=SecretValue.secrets_manager(settings.database_secret, json_field="username").unsafe_unwrap(),
            password=SecretValue.secrets_manager(settings.database_secret, json_field="password"),
        )

    def _login(self, settings: Settings, owner: DatabaseAccess, keys: Keys, name: str, role: str) -> DatabaseAccess:
        """Return how another role reaches the database: as the owner does, by IAM token or a password of its own."""
        if not settings.database_secret:
            return replace(owner, user=role)
        secret = secretsmanager.Secret(
            self,
            f"{role.capitalize()}Password",
            description=f"{name}: password of the database role {role}",
            encryption_key=keys.storage,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"username": role}),
                generate_string_key="password",
                exclude_punctuation=True,
                password_length=40,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            secret,
            {"AwsSolutions-SMG4": "each deploy sets it in database and function alike: docs/deploy.md"},
        )
        return replace(owner, user=role, password=secret.secret_value_from_json("password"))
