"""Prepares LocalStack and Postgres for the worker of compose.yaml: `python -m local.compose`, in the worker's image."""

import os

import boto3

from lambda_src.provision import lambda_handler
from local.queues import create_queue
from ops.settings import region

VISIBILITY_SECONDS = 60
MAX_RECEIVES = 5


def main() -> None:
    """Makes the queues, the schema, the roles' passwords and the salt; a second run changes nothing."""
    name = os.environ["QUEUE_URL"].rsplit("/", 1)[-1]
    sqs = boto3.client("sqs", region_name=region())
    create_queue(sqs, name, visibility_seconds=VISIBILITY_SECONDS, max_receives=MAX_RECEIVES)
    lambda_handler({}, None)


if __name__ == "__main__":
    main()
