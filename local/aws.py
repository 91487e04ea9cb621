"""The AWS endpoint with SQS and SSM: our own MiniStack, or an emulator that runs already."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from botocore.config import Config
from localstack_client.config import get_service_endpoint
from localstack_client.session import Session

from local.errors import LocalStackError
from local.ministack import start_ministack

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

    from local.process import ServerProcess

VARIABLES = ("LOCALSTACK_HOST", "AWS_ENDPOINT_URL")  # as localstack-client reads them
# Calls to 127.0.0.1 must not go through the machine's proxy.
CLIENT_CONFIG = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 4})


class AwsEndpoint:
    """SQS and SSM on this machine; with LOCALSTACK_HOST or AWS_ENDPOINT_URL set, the emulator that they name."""

    def __init__(self, directory: Path, services: str = "sqs,ssm,kms,sts") -> None:
        """Takes the directory for the emulator's log, and the services that our own MiniStack has to run."""
        self._services = services
        self._directory = directory
        self._server: ServerProcess | None = None
        self.url = ""
        self.sqs: SQSClient
        self.ssm: SSMClient
        self.kms: KMSClient
        self._clients: list[SQSClient | SSMClient | KMSClient] = []

    def start(self) -> Self:
        """Starts MiniStack if no emulator is named; raises LocalStackError if it does not start."""
        host = None
        if not any(os.environ.get(name, "").strip() for name in VARIABLES):
            self._server, port = start_ministack(Path(sys.executable), self._directory, self._services)
            host = f"127.0.0.1:{port}"
        try:
            self.url = get_service_endpoint("sqs", localstack_host=host)
        except RuntimeError as error:
            raise LocalStackError(f"LOCALSTACK_HOST must be host:port ({error})") from None
        session = Session(localstack_host=host)
        self._region, self._credentials = session.region_name, session.get_credentials()
        self.sqs = session.client("sqs", config=CLIENT_CONFIG)
        self.ssm = session.client("ssm", config=CLIENT_CONFIG)
        self.kms = session.client("kms", config=CLIENT_CONFIG)
        self._clients = [self.sqs, self.ssm, self.kms]
        return self

    def stop(self) -> None:
        """Stops the MiniStack that `start` started, if any."""
        for client in self._clients:
            client.close()
        if self._server is not None:
            self._server.stop()

    @property
    def is_ours(self) -> bool:
        """Whether the emulator ends with `stop`."""
        return self._server is not None

    @property
    def has_ended(self) -> bool:
        """Whether our own emulator has ended unexpectedly."""
        return self._server is not None and not self._server.is_running

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which an AWS SDK or the AWS CLI uses this endpoint."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self._credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self._credentials.secret_key,
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
        }
