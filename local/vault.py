"""Makes a key for the vault in the emulator's KMS, to try sealing and recovery."""

import base64
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class VaultKey(NamedTuple):
    """The key's ARN, and its public key in the form of VAULT_PUBLIC_KEY."""

    arn: str
    public: str


def create_vault_key(kms: "KMSClient") -> VaultKey:
    """Creates an asymmetric key like that of the cloud stack."""
    arn = kms.create_key(KeySpec="RSA_4096", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    return VaultKey(arn, base64.b64encode(kms.get_public_key(KeyId=arn)["PublicKey"]).decode())
