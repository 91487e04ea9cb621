"""Seals the originals of pseudonyms with a public key. The function cannot open what it seals."""

import hashlib
import secrets
import uuid
from binascii import b2a_base64
from typing import TYPE_CHECKING, NamedTuple

from lambda_src.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2 import extensions

    from lambda_src.masking import Row

    Encrypt = Callable[[bytes, bytes, bytes], bytes]  # nonce, text, associated data

NONCE_BYTES = 12
KEY_BYTES = 32  # AES-256
SMALLEST_RSA_KEY = 2048  # bits

# One row per COMMIT is fast. vault.unfold() splits it later into one row per pseudonym.
STORE = """
    INSERT INTO vault.inbox (salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


class DataKey(NamedTuple):
    """The data key of one batch, as the database stores it."""

    id: str  # UUID
    wrapped: bytes  # by RSAES-OAEP with SHA-256
    public_key: bytes  # SHA-256 of the public key, as DER, that wrapped it


class Vault:
    """The vault's public key. Only the holder of the private key can open what it seals."""

    def __init__(self, public_key: bytes) -> None:
        """Accepts the key as DER (SubjectPublicKeyInfo, as KMS returns it); raises SettingsError if it is not RSA."""
        # These imports take half of a cold start and 20 MB, so they run only where the vault is on.
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

        try:
            key = load_der_public_key(public_key)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < SMALLEST_RSA_KEY:
            raise SettingsError(
                f"VAULT_PUBLIC_KEY is not an RSA public key of at least {SMALLEST_RSA_KEY} bits. Set it to the "
                "output of `aws kms get-public-key` for the vault's key."
            )
        self._key = key
        self._cipher = AESGCM
        # KMS's name of this algorithm is RSAES_OAEP_SHA_256.
        self._padding = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        self._fingerprint = hashlib.sha256(public_key).digest()

    def new_batch(self) -> "SealedBatch":
        """A batch with its own data key. Only the wrapped form of the key is stored."""
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = self._key.encrypt(key, self._padding)
        return SealedBatch(self._cipher(key).encrypt, DataKey(str(uuid.uuid4()), wrapped, self._fingerprint))


class SealedBatch:
    """Seals the originals of one batch, one for each pseudonym."""

    def __init__(self, encrypt: "Encrypt", data_key: DataKey) -> None:
        self._encrypt = encrypt
        self._boxes: dict[str, str] = {}  # Base64, by pseudonym
        self.data_key = data_key

    def seal(self, message: str, pseudonym: str) -> str:
        """Returns the encrypted original in Base64. The associated data ties it to the pseudonym."""
        box = self._boxes.get(pseudonym)
        if box is None:
            # The nonce is a counter, so it never repeats under one key (NIST SP 800-38D, 8.2.1).
            nonce = len(self._boxes).to_bytes(NONCE_BYTES, "big")
            sealed = nonce + self._encrypt(nonce, message.encode(), pseudonym.encode())
            box = self._boxes[pseudonym] = b2a_base64(sealed, newline=False).decode()
        return box


def write_sealed(cursor: "extensions.cursor", rows: "list[Row]", data_key: DataKey) -> None:
    """Stores the sealed originals of `rows`, which all have the same salt version."""
    boxes = dict(pair for row in rows for pair in row.sealed)
    if not boxes:
        return
    days = [row.create_date for row in rows]
    cursor.execute(
        STORE, (rows[0].salt_version, min(days), max(days), *data_key, ",".join(boxes), ",".join(boxes.values()))
    )
