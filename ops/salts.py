"""Reads all versions of the salt in SSM, to rotate it and to find rows that an older version has masked."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from lambda_src.errors import SaltError
from lambda_src.masking import Salt
from lambda_src.new_salt import put_new_salt
from lambda_src.salt import SHORTEST_KEY, parse_key
from ops.errors import NothingFoundError, OpsError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SaltHistory:
    """The versions of the salt that SSM still has: 100 at most."""

    def __init__(self, ssm: "SSMClient", parameter: str) -> None:
        self._ssm = ssm
        self._parameter = parameter

    @cached_property
    def keys(self) -> dict[int, bytes]:
        """Returns the usable salts by version; raises SaltError if there is none. An invalid one has masked no row."""
        keys = {}
        for entry in self._entries(decrypt=True):
            try:
                keys[entry["Version"]] = parse_key(entry["Value"], self._parameter)
            except SaltError:
                continue
        if not keys:
            raise SaltError(f"No version of {self._parameter} is the base64 of {SHORTEST_KEY} bytes: salt rotate.")
        return keys

    @property
    def newest(self) -> int:
        """The newest version."""
        return max(self.keys)

    def versions(self) -> list[dict[str, Any]]:
        """Returns version, time and author of each, the newest first; decrypts no value."""
        entries = [
            {
                "version": entry["Version"],
                "created": entry["LastModifiedDate"],
                "created_by": entry.get("LastModifiedUser"),
                "type": str(entry["Type"]),
            }
            for entry in self._entries(decrypt=False)
        ]
        return sorted(entries, key=lambda entry: -entry["version"])

    def mask(self, field: str, value: str, version: int) -> str:
        """Returns the pseudonym of a masked field's normal form; raises OpsError if SSM does not have that version."""
        key = self.keys.get(version)
        if key is None:
            raise OpsError(f"SSM has no version {version} of the salt any more.")
        return Salt(key, version).mask(field, value)

    def _entries(self, *, decrypt: bool) -> list[Any]:
        pages = self._ssm.get_paginator("get_parameter_history").paginate(Name=self._parameter, WithDecryption=decrypt)
        try:
            return [entry for page in pages for entry in page["Parameters"]]
        except self._ssm.exceptions.ParameterNotFound:
            raise NothingFoundError(f"There is no salt {self._parameter}: make one with `salt create`.") from None


def create_salt(ssm: "SSMClient", parameter: str, kms_key: str | None, *, above: int) -> int:
    """Creates the salt of 32 random bytes, which are never shown, as a version above `above`; returns its number.

    Raises OpsError if the salt exists already.
    """
    try:
        return put_new_salt(ssm, parameter, kms_key, overwrite=False, above=above)
    except ssm.exceptions.ParameterAlreadyExists:
        raise OpsError(f"There is a salt {parameter} already. To replace it, use `salt rotate`.") from None


def rotate_salt(ssm: "SSMClient", parameter: str, *, above: int) -> int:
    """Stores a new salt of 32 random bytes as a version above `above`; returns its number."""
    filters: Any = [{"Key": "Name", "Values": [parameter]}]
    found = ssm.describe_parameters(ParameterFilters=filters)["Parameters"]
    if not found:
        raise NothingFoundError(f"There is no salt {parameter}: make one with `salt create`.")
    # If KeyId were missing, SSM would switch to the account's default key.
    key, newest = found[0].get("KeyId"), found[0]["Version"]
    return put_new_salt(ssm, parameter, key, overwrite=True, newest=newest, above=above)
