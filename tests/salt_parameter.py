"""A salt of one test's own."""

import base64
import secrets
from dataclasses import dataclass

from local.aws import AwsEndpoint


@dataclass
class SaltParameter:
    """A parameter in SSM. `key` and `version` are those of the newest version."""

    aws: AwsEndpoint
    name: str
    key: bytes = b""
    version: int = 0

    def put(self, value: str) -> None:
        """Store a new version with that text."""
        answer = self.aws.ssm.put_parameter(Name=self.name, Value=value, Type="SecureString", Overwrite=True)
        self.version = answer["Version"]

    def rotate(self) -> bytes:
        """Store a new version with a random key; return the key."""
        self.put_key(secrets.token_bytes(32))
        return self.key

    def put_key(self, key: bytes) -> None:
        """Store a new version with that key."""
        self.key = key
        self.put(base64.b64encode(key).decode())

    def delete(self) -> None:
        """Delete the parameter."""
        self.aws.ssm.delete_parameter(Name=self.name)
