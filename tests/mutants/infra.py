"""Lines of the cloud stack: each change of a template is noticed by comparison with the stored one."""

from tests.mutants.mutation import Mutation

ALARMS = "infra/monitoring/pipeline_alarms.py"
DATABASE_ALARMS = "infra/monitoring/database_alarms.py"


def _stored(variant: str = "staging") -> tuple[str, ...]:
    return (f"tests/infra/test_snapshots.py::test_template_is_as_stored[{variant}]",)


INFRA = (
    Mutation(
        "a denial is no permission",
        "infra/function.py",
        "effect=iam.Effect.DENY,",
        "effect=iam.Effect.ALLOW,",
        _stored(),
    ),
    Mutation(
        "a function logs in as one role",
        "infra/access.py",
        'resource_name=f"{self.resource_id}/{self.user}"',
        'resource_name=f"{self.resource_id}/*"',
        _stored(),
    ),
    Mutation(
        "a role may write to its own log only",
        "infra/function.py",
        "resources=[log_group.log_group_arn],  #",
        'resources=["*"],  #',
        _stored(),
    ),
    Mutation(
        "an alarm looks at its own metric",
        ALARMS,
        'metric=own("RecordsFailed"),',
        'metric=own("RecordsRejected"),',
        _stored(),
    ),
    Mutation(
        "an alarm looks at the right statistic",
        DATABASE_ALARMS,
        'database_metric(database, "FreeableMemory", "Minimum")',
        'database_metric(database, "FreeableMemory", "Maximum")',
        _stored(),
    ),
    Mutation(
        "an alarm has the right bound",
        ALARMS,
        "bound=0.8 * timeout_seconds * 1000,",
        "bound=0.8 * timeout_seconds,",
        _stored(),
    ),
    Mutation(
        "an alarm points in the right direction",
        "infra/monitoring/monitoring.py",
        "            if alarm.below\n",
        "            if not alarm.below\n",
        _stored(),
    ),
    Mutation(
        "an alarm of Aurora has the right bound",
        DATABASE_ALARMS,
        "bound=90,",
        "bound=99,",
        _stored("aurora"),
    ),
    Mutation(
        "the database outlives the stack",
        "infra/database.py",
        "RemovalPolicy.SNAPSHOT if settings.retain_data else RemovalPolicy.DESTROY",
        "RemovalPolicy.DESTROY",
        _stored(),
    ),
    Mutation(
        "a key that data hangs on outlives the stack",
        "infra/keys.py",
        "RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain_data",
        "RemovalPolicy.DESTROY if retain_data",
        _stored(),
    ),
    Mutation(
        "the database logs no statement that failed",
        "infra/database_parameters.py",
        '"log_min_error_statement": "panic"',
        '"log_min_error_statement": "error"',
        _stored("aurora"),
    ),
    Mutation(
        "backups are kept for two weeks",
        "infra/database.py",
        "BACKUP_DAYS = 14",
        "BACKUP_DAYS = 1",
        _stored(),
    ),
    Mutation(
        "only TLS reaches the database through the proxy",
        "infra/proxy.py",
        "require_tls=True,",
        "require_tls=False,",
        _stored("proxy"),
    ),
    Mutation(
        "functions have no way out of the network",
        "infra/network.py",
        'description="Functions of the pipeline", allow_all_outbound=False',
        'description="Functions of the pipeline", allow_all_outbound=True',
        _stored(),
    ),
    Mutation(
        "an endpoint serves this account only",
        "infra/endpoints.py",
        '                    "StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID},\n',
        "",
        _stored(),
    ),
    Mutation(
        "the custodian's function opens the vault as custodian",
        "infra/operators.py",
        "access = logins[operator.name]",
        "access = logins[SCHEDULED]",
        _stored("vault"),
    ),
    Mutation(
        "retention runs as often as it should",
        "infra/operators.py",
        "Duration.days(1),",
        "Duration.days(30),",
        _stored("vault"),
    ),
    Mutation(
        "messages are decrypted through SQS only",
        "infra/queue.py",
        '            conditions={"StringEquals": {"kms:ViaService": f"sqs.{Aws.REGION}.amazonaws.com"}},\n',
        "",
        ("tests/infra/test_permissions.py::test_messages_are_decrypted_only_through_sqs",),
    ),
    Mutation(
        "a restored database keeps the size of its snapshot",
        "infra/database.py",
        "allocated_storage=None if snapshot else str(settings.storage_gib)",
        "allocated_storage=str(settings.storage_gib)",
        _stored("restored"),
    ),
    Mutation(
        "log-ins are logged",
        "infra/database_parameters.py",
        '"log_connections": "1"',
        '"log_connections": "0"',
        _stored("aurora"),
    ),
    Mutation(
        "people may not come from everywhere",
        "infra/settings/values.py",
        "    if not any(network.subnet_of(ipaddress.IPv4Network(private)) for private in PRIVATE):\n"
        "        raise ValueError(PRIVATE_RANGE)\n",
        "",
        ("tests/infra/test_settings.py::test_contradiction_is_named",),
    ),
    Mutation(
        "the operators' functions leave connections to others",
        "infra/operators.py",
        "reserved_concurrency=operator.concurrency if settings.reserve_concurrency else None,",
        "",
        _stored(),
    ),
    Mutation(
        "messages are reported one by one",
        "infra/ingest.py",
        "report_batch_item_failures=True,",
        "report_batch_item_failures=False,",
        _stored("existing_database"),
    ),
    Mutation(
        "a salt goes with its stack only when it is destroyed",
        "lambda_src/salt_removal.py",
        'event["RequestType"] == "Delete"',
        'event["RequestType"] != "Create"',
        ("tests/infra/test_salt_removal.py",),
    ),
    Mutation(
        "a salt that could not be deleted is a failed deletion",
        "lambda_src/salt_removal.py",
        'return None if code == "ParameterNotFound" else',
        "return None if code else",
        ("tests/infra/test_salt_removal.py",),
    ),
    Mutation(
        "CloudFormation gets the answer's request back",
        "lambda_src/salt_removal.py",
        '("StackId", "RequestId", "LogicalResourceId")',
        '("StackId", "LogicalResourceId")',
        ("tests/infra/test_salt_removal.py",),
    ),
)
