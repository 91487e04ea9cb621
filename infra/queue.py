"""The queue that producers write to, and its dead-letter queue."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.delivery import DEAD_LETTER_RETENTION_DAYS, QUEUE_RETENTION_DAYS, Delivery


class LoginQueue(Construct):
    """`queue` and `dead_letter_queue`: encrypted with a customer key, TLS only, tied to each other and nothing else."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey, delivery: Delivery) -> None:
        super().__init__(scope, construct_id)
        # A name of its own: the two queues refer to each other, and only a name known beforehand breaks the circle.
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
