"""The current salt and its version, from SSM, cached."""

import base64
import binascii
import logging
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.errors import SaltError
from lambda_src.masking import Salt

REFRESH_SECONDS = 300
RETRY_SECONDS = 30  # after a failed refresh: a slow SSM must not slow down every batch
SHORTEST_KEY = 32  # bytes
# At worst two tries of 2 s + 3 s: a batch can wait that long for SSM.
CLIENT_CONFIG = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})

logger = logging.getLogger(__name__)


class SaltCache:
    """The newest version of one SSM parameter, read again every five minutes."""

    def __init__(self, parameter: str, region: str | None) -> None:
        self._parameter = parameter
        self._region = region
        self._salt: Salt | None = None
        self._fresh_until = 0.0

    def get(self) -> Salt:
        """The salt to mask with; an old one when SSM fails. Raises SaltError when there is none at all."""
        if self._salt is None:
            self._salt = self._load()
            self._fresh_until = time.monotonic() + REFRESH_SECONDS
        elif time.monotonic() >= self._fresh_until:
            try:
                self._salt = self._load()
                self._fresh_until = time.monotonic() + REFRESH_SECONDS
            except SaltError as error:
                self._fresh_until = time.monotonic() + RETRY_SECONDS
                logger.warning(
                    "salt not refreshed, going on with the old one",
                    extra={"salt_version": self._salt.version, "error": str(error)},
                )
        return self._salt

    def _load(self) -> Salt:
        try:
            ssm = boto3.client("ssm", region_name=self._region, config=CLIENT_CONFIG)
            parameter = ssm.get_parameter(Name=self._parameter, WithDecryption=True)["Parameter"]
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            raise SaltError(
                f"SSM refuses the salt parameter {self._parameter} ({code}). Create it as a SecureString, or allow the "
                "function ssm:GetParameter on it and kms:Decrypt on its key."
            ) from None
        except BotoCoreError as error:
            raise SaltError(
                f"SSM cannot be reached for the salt parameter {self._parameter} ({type(error).__name__}). Check the "
                "endpoint, the region, the credentials and the network."
            ) from None
        return Salt(parse_key(parameter["Value"], self._parameter), parameter["Version"])


def parse_key(value: str, parameter: str) -> bytes:
    """The key that a parameter's value is the base64 of; raises SaltError, naming the parameter and never the value."""
    try:
        key = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < SHORTEST_KEY:
        raise SaltError(
            f"The value of the salt parameter {parameter} is not the base64 of at least {SHORTEST_KEY} bytes. Put "
            "a new version made of random bytes."
        )
    return key
