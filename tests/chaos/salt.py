"""The pipeline's salt in SSM, with all its versions."""

import base64
import secrets

from local.aws import AwsEndpoint
from tests.chaos.ledger import Ledger

SALT = "/chaos/salt"


class Salt:
    """The parameter that holds the salt."""

    def __init__(self, aws: AwsEndpoint, ledger: Ledger) -> None:
        """Take the endpoint and the ledger, which learns each key before a function can read it."""
        self._aws = aws
        self._ledger = ledger
        self._values: list[str] = []

    def put(self, value: str | None = None) -> None:
        """Store a new version: a random key, or a value that is not a key."""
        if value is None:
            key = secrets.token_bytes(32)
            self._ledger.salts[len(self._values) + 1] = key
            value = base64.b64encode(key).decode()
        self._values.append(value)
        self._store(value, len(self._values))

    def restore(self) -> None:
        """Store all versions again after a fault has deleted the parameter."""
        for version, value in enumerate(self._values, 1):
            self._store(value, version)

    def _store(self, value: str, version: int) -> None:
        answer = self._aws.ssm.put_parameter(Name=SALT, Type="SecureString", Value=value, Overwrite=True)
        if answer["Version"] != version:
            raise RuntimeError("the salt's versions are not counted as expected")
