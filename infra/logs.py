"""The logs of the stack: each is encrypted and has a retention."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

LOG_RETENTION = logs.RetentionDays.ONE_MONTH


def add_log(scope: Construct, construct_id: str, *, key: kms.IKey) -> logs.LogGroup:
    """Add a log group that `key` encrypts."""
    return logs.LogGroup(
        scope, construct_id, retention=LOG_RETENTION, encryption_key=key, removal_policy=RemovalPolicy.DESTROY
    )
