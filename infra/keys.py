"""The customer-managed keys: one for data at rest, one for the salt, and optionally one for messages."""

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct


class Keys(Construct):
    """KMS keys, rotated yearly: `queue`, `storage` (database, logs, environments, alarms) and `salt`.

    The keys are separate so that a producer, who may use the queue's key, cannot decrypt the salt. Without `queue_key`,
    the queues use the key of data at rest, which saves one key. The salt's key is never shared.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        retain_data: bool,
        salt_key_arn: str | None,
        queue_key: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        # A snapshot or a salt is lost without its key. So all of them survive the stack (unless its creation fails), or
        # none does.
        kept = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain_data else RemovalPolicy.DESTROY
        storage = self._key("Storage", f"{name}: database, logs, environments, alarms", kept)
        self.storage: kms.IKey = storage
        self.queue: kms.IKey = (
            self._key("Queue", f"{name}: login events in the queues", RemovalPolicy.DESTROY) if queue_key else storage
        )
        self.salt: kms.IKey = (
            kms.Key.from_key_arn(self, "Salt", salt_key_arn)
            if salt_key_arn
            else self._key("Salt", f"{name}: the salt of the pseudonyms", kept)
        )
        log_groups = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*"
        storage.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogsOfThisAccount",
                principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
                actions=[
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncryptFrom",
                    "kms:ReEncryptTo",
                    "kms:GenerateDataKey",
                    "kms:GenerateDataKeyWithoutPlaintext",
                    "kms:DescribeKey",
                ],
                resources=["*"],  # in a key policy: this key
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
            )
        )
        storage.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key policy: this key
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )

    def _key(self, construct_id: str, description: str, removal_policy: RemovalPolicy) -> kms.Key:
        return kms.Key(
            self,
            construct_id,
            description=description,
            enable_key_rotation=True,
            removal_policy=removal_policy,
            pending_window=Duration.days(7 if removal_policy == RemovalPolicy.DESTROY else 30),
        )
