"""The stack: wires the constructs together; each construct knows only what it is given."""

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IDependable

from infra.analysts import Analysts
from infra.database import Database
from infra.delivery import ConnectionBudget, Delivery
from infra.endpoints import Endpoints
from infra.function import FunctionDefaults
from infra.ingest import ROLE as INGEST
from infra.ingest import Ingest
from infra.keys import Keys
from infra.logins import Logins
from infra.monitoring import NAMESPACE, Monitoring
from infra.network import Network
from infra.operators import Operators, enabled_operators
from infra.outputs import add_outputs
from infra.provision import Provision
from infra.proxy import Proxy
from infra.queue import LoginQueue
from infra.salt import Salt
from infra.salt_removal import SaltRemoval
from infra.settings import Settings
from infra.upstream import Upstream


class LoginPipelineStack(Stack):
    """Queue, functions, salt, alarms; its own network and database, or access to existing ones."""

    def __init__(self, scope: Construct, *, settings: Settings, code: lambda_.Code) -> None:
        name = f"login-pipeline-{settings.stage}"
        super().__init__(
            scope,
            f"LoginPipeline-{settings.stage}",
            description="Login events from SQS to Postgres, personal data masked",
            termination_protection=settings.deletion_protection and not settings.existing_database,
        )
        # The CDK declares some dependencies twice, which does no harm.
        self.template_options.metadata = {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
        self._settings = settings
        delivery = Delivery(
            timeout_seconds=settings.function_timeout,
            window_seconds=settings.batch_window,
            quarantine=settings.quarantine,
            outage_minutes=settings.outage_minutes,
        )
        budget = ConnectionBudget(ingest=settings.ingest_connections)
        keys = Keys(
            self,
            "Keys",
            name=name,
            retain_data=settings.retain_data,
            salt_key_arn=settings.salt_key_arn,
            queue_key=settings.queue_key,
        )
        queues = LoginQueue(self, "Queue", name=name, key=keys.queue, delivery=delivery)
        Upstream(self, "Upstream", settings=settings, name=name, queue=queues.queue, key=keys.queue)
        salt = Salt(self, "Salt", name=settings.salt_parameter or f"/{name}/salt", key=keys.salt)
        network = self._network(keys)
        database = self._database(keys, network, budget)
        logins = Logins(
            self,
            "Logins",
            settings=settings,
            name=name,
            key=keys.storage,
            database=database,
            roles=[INGEST, *(operator.name for operator in enabled_operators(settings))],
        )
        analysts = Analysts(self, "Analysts", settings=settings, database=database)
        access = logins.of[INGEST]
        if settings.proxy and network and database:
            access = Proxy(
                self, "Proxy", name=name, vpc=network.vpc, subnets=network.subnets, database=database, access=access
            ).access
        defaults = FunctionDefaults(
            code=code,
            arch=settings.arch,
            key=keys.storage,
            environment={
                "SALT_PARAMETER": salt.name,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
                **({"AWS_ENDPOINT_URL": settings.endpoint_url} if settings.endpoint_url else {}),
            },
            placement=network.placement if network else None,
        )
        provision = Provision(
            self,
            "Provision",
            defaults=defaults,
            owner=logins.owner,
            logins=logins.of,
            salt=salt,
            settings=settings,
        )
        ingest = Ingest(
            self,
            "Ingest",
            settings=settings,
            defaults=defaults,
            access=access,
            salt=salt,
            queues=queues,
            budget=budget,
        )
        operators = Operators(
            self,
            "Operators",
            settings=settings,
            defaults=defaults,
            logins=logins.of,
            salt=salt,
        )
        SaltRemoval(
            self,
            "SaltRemoval",
            defaults=defaults,
            salt=salt,
            retain=settings.retain_data or settings.salt_parameter is not None,
        )
        ready: list[IDependable] = [keys, salt]
        if network:
            for way in (logins.owner, access):
                if way.security_group:
                    network.open(way.security_group, way.port, "functions to the database")
                    ready.append(way.security_group)
            endpoints = Endpoints(
                self,
                "Endpoints",
                settings=settings,
                network=network,
                salt=salt,
                salt_callers=[provision.role, ingest.role, *operators.salt_readers],
                dead_letter_queue=queues.dead_letter_queue,
                sender=ingest.role,
            )
            ready += [endpoints, network]
        if database:
            ready.append(database)
        provision.run(after=ready, before=[ingest.source], key=keys.storage)
        monitoring = Monitoring(
            self,
            "Monitoring",
            name=name,
            settings=settings,
            key=keys.storage,
            queue=queues.queue,
            dead_letter_queue=queues.dead_letter_queue,
            late_seconds=delivery.late_seconds,
            function=ingest.function,
            remover=operators.scheduled,
            event_source_id=ingest.source.event_source_mapping_id,
            database=database,
            max_connections=budget.max_connections,
        )
        add_outputs(
            self,
            {
                "QueueUrl": queues.queue.queue_url,
                "QueueArn": queues.queue.queue_arn,
                "QueueKeyArn": keys.queue.key_arn,
                "DeadLetterQueueUrl": queues.dead_letter_queue.queue_url,
                "FunctionName": ingest.function.function_name,
                "ProvisionFunctionName": provision.function.function_name,
                "SaltParameter": salt.name,
                "SaltKeyArn": keys.salt.key_arn,
                "AlarmTopicArn": monitoring.topic.topic_arn,
                "DatabaseHost": access.environment["PGHOST"],
                "DatabaseName": access.environment["PGDATABASE"],
                **analysts.outputs,
                **operators.outputs,
                **({"Envelope": settings.envelope} if settings.envelope != "none" else {}),
                **({"VaultKeyArn": settings.vault_key_arn} if settings.vault_key_arn else {}),
            },
        )

    def _network(self, keys: Keys) -> Network | None:
        settings = self._settings
        if not settings.in_vpc:
            return None
        return Network(self, "Network", vpc_id=settings.vpc_id, subnet_ids=settings.subnet_ids, log_key=keys.storage)

    def _database(self, keys: Keys, network: Network | None, budget: ConnectionBudget) -> Database | None:
        if network is None or self._settings.existing_database:
            return None
        return Database(
            self,
            "Database",
            settings=self._settings,
            vpc=network.vpc,
            subnets=network.subnets,
            key=keys.storage,
            max_connections=budget.max_connections,
        )
