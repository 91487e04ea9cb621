"""Reads the current salt and its version from SSM, and caches them."""

import base64
import binascii
import logging
import time
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.errors import SaltError
from lambda_src.masking import Salt

REFRESH_SECONDS = 300
RETRY_SECONDS = 30  # after a failed refresh: a slow SSM must not slow down every batch
SHORTEST_KEY = 32  # bytes
LARGEST_VERSION = 2**31 - 1  # the largest that the column salt_version holds
# At most two tries of 2 s + 3 s: a batch has time for that.
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
        """Returns the salt; the cached one when SSM fails. Raises SaltError when none is cached."""
        if self._salt is None:
            self._salt = fetch_salt(self._parameter, self._region)
            self._fresh_until = time.monotonic() + REFRESH_SECONDS
        elif time.monotonic() >= self._fresh_until:
            try:
                self._salt = fetch_salt(self._parameter, self._region)
                self._fresh_until = time.monotonic() + REFRESH_SECONDS
            except SaltError as error:
                self._fresh_until = time.monotonic() + RETRY_SECONDS
                logger.warning(
                    "salt not refreshed, going on with the old one",
                    extra={"salt_version": self._salt.version, "error": str(error)},
                )
        return self._salt


def fetch_salt(parameter: str, region: str | None) -> Salt:
    """Returns the newest version from SSM; raises SaltError, which names the parameter and never the value."""
    try:
        ssm = boto3.client("ssm", region_name=region, config=CLIENT_CONFIG)
        answer: Any = ssm.get_parameter(Name=parameter, WithDecryption=True)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise SaltError(
            f"SSM refuses the salt parameter {parameter} ({code}). Create it (loginpipe salt create), or allow the "
            "function ssm:GetParameter on it and kms:Decrypt on its key. If the parameter is older than the stack, "
            "another KMS key encrypts it: deploy with -c saltKeyArn= and the ARN of that key."
        ) from None
    except BotoCoreError as error:
        raise SaltError(
            f"SSM cannot be reached for the salt parameter {parameter} ({type(error).__name__}). Check the endpoint, "
            "the region, the credentials and the network."
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  botocore raises errors of many types for an invalid endpoint or answer
        raise _malformed(parameter, type(error).__name__) from None
    return _parse_answer(answer, parameter)


def _parse_answer(answer: Mapping[str, Any], parameter: str) -> Salt:
    # botocore does not check types, and it returns {} for a body that is not JSON.
    found = answer.get("Parameter") or {}
    value, version = found.get("Value"), found.get("Version")
    if not isinstance(value, str):
        raise _malformed(parameter, "no value")
    if type(version) is not int or not 1 <= version <= LARGEST_VERSION:
        raise _malformed(parameter, "no version")
    return Salt(parse_key(value, parameter), version)


def _malformed(parameter: str, what: str) -> SaltError:
    return SaltError(
        f"SSM gives no valid answer for the salt parameter {parameter} ({what}). Check the endpoint AWS_ENDPOINT_URL "
        "and what stands between it and the function, such as a proxy."
    )


def parse_key(value: str, parameter: str) -> bytes:
    """Decodes the base64 of a parameter's value; raises SaltError, which names the parameter and never the value."""
    try:
        key = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < SHORTEST_KEY:
        raise SaltError(
            f"The value of the salt parameter {parameter} is not the base64 of at least {SHORTEST_KEY} bytes. Put "
            "a new version made of random bytes: loginpipe salt rotate."
        )
    return key
