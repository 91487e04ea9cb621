"""The queue that producers write to, and its dead-letter queue."""

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.delivery import DEAD_LETTER_RETENTION_DAYS, QUEUE_RETENTION_DAYS, Delivery


class LoginQueue(Construct):
    """`queue` and `dead_letter_queue`: encrypted with a customer key, TLS only, each in redrive with the other only."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey, delivery: Delivery) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        # The queue has a fixed name. The two queues refer to each other, so one name has to be known beforehand.
        queue_arn = Stack.of(self).format_arn(service="sqs", resource=f"{name}-logins")
        self.dead_letter_queue = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=f"{name}-dead-letters",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            data_key_reuse=Duration.hours(1),
            enforce_ssl=True,
            retention_period=Duration.days(DEAD_LETTER_RETENTION_DAYS),
            redrive_allow_policy=sqs.RedriveAllowPolicy(
                redrive_permission=sqs.RedrivePermission.BY_QUEUE,
                source_queues=[sqs.Queue.from_queue_arn(self, "Source", queue_arn)],
            ),
        )
        self.queue = sqs.Queue(
            self,
            "Logins",
            queue_name=f"{name}-logins",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            data_key_reuse=Duration.hours(1),
            enforce_ssl=True,
            retention_period=Duration.days(QUEUE_RETENTION_DAYS),
            visibility_timeout=Duration.seconds(delivery.visibility_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letter_queue, max_receive_count=delivery.max_receive_count
            ),
        )

    def poll_statements(self) -> list[iam.PolicyStatement]:
        """Return the permission to consume the queue, as an event source does."""
        return [
            iam.PolicyStatement(
                sid="PollQueue",
                actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                resources=[self.queue.queue_arn],
            ),
            self._key_statement("DecryptMessages", "kms:Decrypt"),
        ]

    def quarantine_statements(self) -> list[iam.PolicyStatement]:
        """Return the permission to send to the dead-letter queue.

        SQS generates the data key with the sender's permissions, and decrypts a new one to verify it.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        """
        return [
            iam.PolicyStatement(
                sid="SendToQuarantine", actions=["sqs:SendMessage"], resources=[self.dead_letter_queue.queue_arn]
            ),
            self._key_statement("EncryptForQuarantine", "kms:Decrypt", "kms:GenerateDataKey"),
        ]

    def _key_statement(self, sid: str, *actions: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=sid,
            actions=list(actions),
            resources=[self._key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"sqs.{Aws.REGION}.amazonaws.com"}},
        )
