"""Seals the originals of pseudonyms for whoever has a private key: the function itself can seal and never open."""

import hashlib
import secrets
import uuid
from binascii import b2a_base64
from typing import TYPE_CHECKING

from lambda_src.contract import Logins
from lambda_src.errors import SettingsError
from lambda_src.masking import MaskedLogins

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2 import extensions

    Encrypt = Callable[[bytes, bytes, bytes], bytes]  # nonce, text, associated data

NONCE_BYTES = 12
KEY_BYTES = 32  # AES-256
SMALLEST_RSA_KEY = 2048  # bits

# One row a batch: vault.unfold() makes one row a pseudonym of it, later and off the function's time.
STORE = """
    INSERT INTO vault.inbox (salt_version, first_day, last_day, data_key, wrapped, public_key, pseudonyms, boxes)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


class Vault:
    """The public half of the key that opens it."""

    def __init__(self, public_key: bytes) -> None:
        """Takes it as DER (SubjectPublicKeyInfo, as KMS gives it); raises SettingsError for what is no RSA key."""
        # Half a cold start's time, and 20 MB: only where the vault is switched on.
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

        try:
            key = load_der_public_key(public_key)
        except ValueError:
            key = None
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < SMALLEST_RSA_KEY:
            raise SettingsError(
                f"VAULT_PUBLIC_KEY is no RSA public key of {SMALLEST_RSA_KEY} bits or more. Set it to what "
                "`aws kms get-public-key` gives for the vault's key."
            )
        self._key = key
        self._cipher = AESGCM
        # What KMS calls RSAES_OAEP_SHA_256.
        self._padding = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        self._fingerprint = hashlib.sha256(public_key).digest()

    def new_batch(self) -> "SealedBatch":
        """An empty batch with a data key of its own, which is gone with it: only the wrapped one stays."""
        data_key = secrets.token_bytes(KEY_BYTES)
        return SealedBatch(
            self._cipher(data_key).encrypt, self._key.encrypt(data_key, self._padding), self._fingerprint
        )


class SealedBatch:
    """The originals of one batch, each sealed once."""

    def __init__(self, encrypt: "Encrypt", wrapped_key: bytes, public_key: bytes) -> None:
        self._encrypt = encrypt
        self._boxes: dict[str, str] = {}  # Base64, by pseudonym
        self._data_key = (str(uuid.uuid4()), wrapped_key, public_key)

    def seal(self, logins: Logins, rows: MaskedLogins) -> None:
        """Seals what stands behind the pseudonyms of `rows`."""
        for ip, pseudonym in zip(logins.ips, rows.masked_ips, strict=True):
            self._seal(f"ip\0{ip}", pseudonym)
        for device_id, pseudonym in zip(logins.device_ids, rows.masked_device_ids, strict=True):
            self._seal(f"device_id\0{device_id}", pseudonym)

    def write(self, cursor: "extensions.cursor", rows: MaskedLogins) -> None:
        """Stores what stands behind the pseudonyms of `rows`."""
        if not rows.event_ids:
            return
        pseudonyms = {*rows.masked_ips, *rows.masked_device_ids}
        boxes = ",".join([self._boxes[pseudonym] for pseudonym in pseudonyms])
        days = rows.create_dates
        cursor.execute(
            STORE, (rows.salt_versions[0], min(days), max(days), *self._data_key, ",".join(pseudonyms), boxes)
        )

    def _seal(self, message: str, pseudonym: str) -> None:
        """Seals what `pseudonym` is the HMAC of; as associated data the pseudonym ties it to its row."""
        if pseudonym in self._boxes:
            return
        # A counter: never twice the same nonce under one key (NIST SP 800-38D, 8.2.1).
        nonce = len(self._boxes).to_bytes(NONCE_BYTES, "big")
        box = nonce + self._encrypt(nonce, message.encode(), pseudonym.encode())
        self._boxes[pseudonym] = b2a_base64(box, newline=False).decode()
