"""Seals the originals of pseudonyms for whoever has a private key: the function itself can seal and never open."""

import hashlib
import secrets
import uuid
from typing import TYPE_CHECKING

from lambda_src.contract import LoginEvent
from lambda_src.errors import SettingsError
from lambda_src.masking import MaskedLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2 import extensions

    Encrypt = Callable[[bytes, bytes, bytes], bytes]  # nonce, text, associated data

NONCE_BYTES = 12
KEY_BYTES = 32  # AES-256
SMALLEST_RSA_KEY = 2048  # bits

# One statement, and no table in between: at the size of usual batches that is the fastest way. The data key is stored
# only where something is sealed with it. ON CONFLICT and RETURNING name no column: INSERT is privilege enough.
STORE = """
    WITH stored AS (
        INSERT INTO vault.originals (pseudonym, salt_version, data_key, sealed)
        SELECT pseudonym, %(salt_version)s, %(data_key)s::uuid, decode(box, 'hex')
        FROM unnest(string_to_array(%(pseudonyms)s, ','), string_to_array(%(boxes)s, ',')) AS sealed (pseudonym, box)
        {only}
        ON CONFLICT DO NOTHING RETURNING 1
    )
    INSERT INTO vault.data_keys (id, wrapped, public_key)
    SELECT %(data_key)s::uuid, %(wrapped)s, %(public_key)s WHERE EXISTS (SELECT FROM stored)
    ON CONFLICT DO NOTHING
"""
STORE_ALL = STORE.format(only="")
# Of a merged batch only what its rows hold: an event that was there already may have an older salt's pseudonyms.
STORE_MERGED = STORE.format(
    only="""
        JOIN (
            SELECT event_id, create_date, masked_ip AS pseudonym FROM pg_temp.arrivals
            UNION ALL SELECT event_id, create_date, masked_device_id FROM pg_temp.arrivals
        ) AS named USING (pseudonym)
        WHERE vault.is_login(event_id, create_date, pseudonym) ORDER BY pseudonym
    """
)


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
        self._boxes: dict[str, str] = {}  # hex, by pseudonym
        self._values = {
            "salt_version": 0,
            "data_key": str(uuid.uuid4()),
            "wrapped": wrapped_key,
            "public_key": public_key,
        }

    def seal(self, event: LoginEvent, row: MaskedLogin) -> None:
        """Seals what stands behind the pseudonyms of `row`."""
        self._values["salt_version"] = row.salt_version
        self._seal(f"ip\0{event.ip}", row.masked_ip)
        self._seal(f"device_id\0{event.device_id}", row.masked_device_id)

    def write(self, cursor: "extensions.cursor", *, merging: bool) -> None:
        """Stores what the vault does not have yet; `merging`: only for the rows in `arrivals` that were written."""
        if not self._boxes:
            return
        # In order, so that two batches with the same originals never wait for each other crosswise.
        pseudonyms = sorted(self._boxes)
        boxes = ",".join([self._boxes[pseudonym] for pseudonym in pseudonyms])
        lists = {"pseudonyms": ",".join(pseudonyms), "boxes": boxes}
        cursor.execute(STORE_MERGED if merging else STORE_ALL, self._values | lists)

    def _seal(self, message: str, pseudonym: str) -> None:
        """Seals what `pseudonym` is the HMAC of; as associated data the pseudonym ties it to its row."""
        if pseudonym in self._boxes:
            return
        # A counter: never twice the same nonce under one key (NIST SP 800-38D, 8.2.1).
        nonce = len(self._boxes).to_bytes(NONCE_BYTES, "big")
        self._boxes[pseudonym] = (nonce + self._encrypt(nonce, message.encode(), pseudonym.encode())).hex()
