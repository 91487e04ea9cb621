"""Keeps the AWS SDK's debug lines out of every log."""

import logging

SDK_LOGGERS = ("boto3", "botocore", "urllib3")


def silence_sdk() -> None:
    """Keeps the AWS SDK from logging requests and responses. They hold the salt and the bodies of rejected messages.

    Lambda's application log level DEBUG sets the root logger. Every logger without its own level inherits it.
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    for name in SDK_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
