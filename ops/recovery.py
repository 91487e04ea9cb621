"""Opens sealed originals in memory only, with the operator's own permission on the KMS key."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from lambda_src.contract import MASKED
from lambda_src.vault import NONCE_BYTES
from ops import operations
from ops.errors import OpsError
from ops.operations.vault import Sealed
from ops.target import Target

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

Mask = Callable[[str, str, int], str]  # field, normal form, version of the salt: the pseudonym

PAGE = 2000  # originals per call: fits into Lambda's response


class Opener:
    """Unwraps data keys with KMS, opens originals with them, and verifies each against its pseudonym."""

    def __init__(self, kms: "KMSClient", key: str, mask: Mask) -> None:
        """Takes a function that makes the pseudonym of a field's normal form under a version of the salt."""
        self._kms = kms
        self._key = key
        self._mask = mask
        self._unwrap = lru_cache(1024)(self._ask)  # a batch's originals share one

    def open(self, sealed: Sealed, pseudonym: str) -> tuple[str, str]:
        """Returns field and original; raises OpsError for another key, or if the vault is damaged or forged.

        The vault's public key is not secret, so anyone who can write to the vault can seal any text for any pseudonym.
        Only the salt proves that an original belongs to its pseudonym.
        """
        # Imported here, because only commands that open the vault need it.
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        data_key = self._unwrap(sealed["wrapped"], sealed["public_key"])
        box = bytes.fromhex(sealed["sealed"])
        try:
            message = AESGCM(data_key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], pseudonym.encode())
            field, _, original = message.decode().partition("\0")
        except (InvalidTag, ValueError):
            raise OpsError(
                "What the vault holds for this pseudonym was not sealed for it: the vault is damaged or forged."
            ) from None
        version = sealed["salt_version"]
        if field not in MASKED or self._mask(field, original, version) != pseudonym:
            raise OpsError(
                f"What the vault holds for this pseudonym does not give it under version {version} of the salt: the "
                "vault is damaged or forged."
            )
        return field, original

    def _ask(self, wrapped: str, public_key: str) -> bytes:
        mine = hashlib.sha256(self._public_key()).hexdigest()
        if mine != public_key:
            raise OpsError(
                f"This was sealed for another KMS key: the one whose public half has the SHA-256 {public_key}; that of "
                f"{self._key} has {mine}. Name the right one with --key."
            )
        answer = self._kms.decrypt(
            KeyId=self._key, CiphertextBlob=bytes.fromhex(wrapped), EncryptionAlgorithm="RSAES_OAEP_SHA_256"
        )
        return answer["Plaintext"]

    @lru_cache(1)  # noqa: B019  it lives as long as the command
    def _public_key(self) -> bytes:
        return self._kms.get_public_key(KeyId=self._key)["PublicKey"]


def link(
    target: Target, opener: Opener, *, old: int, new: int, reason: str, step: Callable[[int], None]
) -> tuple[int, int]:
    """Links the pseudonyms of two salt versions; returns the number of originals and the number of new pairs."""
    entry = target.call(operations.open_link, old=old, new=new, reason=reason)["entry"]
    seen, written = 0, 0
    while page := target.call(operations.link_page, entry=entry, limit=PAGE):
        olds = [row["pseudonym"] for row in page]
        news = [target.salts.mask(*opener.open(row, row["pseudonym"]), new) for row in page]
        written += target.call(operations.link_write, entry=entry, old=olds, new=news)["written"]
        seen += len(page)
        step(len(page))
    return seen, written
