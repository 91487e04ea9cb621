"""Finds settings that are valid one by one but contradict each other."""

from infra.settings.names import camel
from infra.settings.settings import Settings

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: a larger batch needs a batching window.
SMALL_BATCH = 10


def contradictions(settings: Settings) -> list[str]:
    """Return a line for each contradiction."""
    pairs = {
        "vpcId and subnetIds": (settings.vpc_id, settings.subnet_ids),
        "vaultKeyArn and vaultPublicKey": (settings.vault_key_arn, settings.vault_public_key),
    }
    problems = [f"{keys}: give both or none" for keys, (one, other) in pairs.items() if bool(one) != bool(other)]
    if settings.vpc_id and len(settings.subnet_ids) == 1:
        problems.append("subnetIds: two or more, in different availability zones")
    theirs = not (settings.ssm_endpoint and settings.sqs_endpoint)
    if theirs and not settings.vpc_id:
        problems.append("ssmEndpoint, sqsEndpoint: false is for an existing VPC, with vpcId")
    elif theirs != bool(settings.endpoint_security_group):
        problems.append("endpointSecurityGroup: goes with ssmEndpoint=false, sqsEndpoint=false or both")
    if settings.batch_size > SMALL_BATCH and settings.batch_window == 0:
        problems.append(f"batchWindow: must be 1 or more with a batchSize above {SMALL_BATCH}")
    problems += _of_upstream(settings)
    problems += _of_existing_database(settings) if settings.existing_database else _of_own_database(settings)
    if settings.salt_parameter and not settings.salt_key_arn:
        problems.append("saltParameter: needs saltKeyArn, the key of that salt")
    if settings.linking and not settings.vault_key_arn:
        problems.append("linking: needs the vault, with vaultKeyArn")
    if not settings.retain_data and settings.deletion_protection and not settings.existing_database:
        problems.append("retainData=false: needs deletionProtection=false too")
    return problems


def _of_upstream(settings: Settings) -> list[str]:
    problems = []
    if settings.sns_topic_arn and settings.event_bus_name:
        problems.append("snsTopicArn and eventBusName: give one of them, for all events have the same envelope")
    elif settings.sns_topic_arn and settings.envelope == "eventbridge":
        problems.append("snsTopicArn: needs envelope=sns, or none or cloudevents (raw delivery)")
    elif settings.event_bus_name and settings.envelope != "eventbridge":
        problems.append("eventBusName: needs envelope=eventbridge")
    if settings.event_detail_type and not settings.event_bus_name:
        problems.append("eventDetailType: is for eventBusName")
    if settings.event_bus_name == "default" and not settings.event_detail_type:
        problems.append("eventBusName=default: needs eventDetailType, for AWS's own events are on that bus")
    return problems


def _of_own_database(settings: Settings) -> list[str]:
    problems = [
        f"{camel(name)}: is for an existing database, with databaseHost"
        for name in ("database_secret", "database_resource_id", "database_security_group")
        if getattr(settings, name)
    ]
    if settings.max_storage_gib < settings.storage_gib * 1.1:
        problems.append("maxStorageGib: must be at least 1.1 times storageGib")
    if settings.max_capacity < settings.min_capacity or settings.max_capacity < 1:
        problems.append("maxCapacity: must be at least 1 and at least minCapacity")
    return problems


def _of_existing_database(settings: Settings) -> list[str]:
    problems = [
        f"{camel(name)}: is for the stack's own database"
        for name in ("analyst_security_group", "analyst_cidr", "pgaudit")
        if getattr(settings, name)
    ]
    if bool(settings.database_secret) == bool(settings.database_resource_id):
        problems.append("databaseHost: needs either databaseSecret (password) or databaseResourceId (IAM log-in)")
    if settings.proxy:
        problems.append("proxy: only for the stack's own database; give the proxy's host as databaseHost instead")
    if settings.vpc_id and not settings.database_security_group:
        problems.append("databaseSecurityGroup: is needed with databaseHost and vpcId")
    return problems
