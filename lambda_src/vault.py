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
ROWS_A_READ = 256

CREATE_SEALED = """
    CREATE TEMPORARY TABLE IF NOT EXISTS sealed (pseudonym text, field text, box bytea) ON COMMIT DELETE ROWS
"""
COPY_SEALED = "COPY pg_temp.sealed (pseudonym, field, box) FROM STDIN"
# The data key only where something is sealed with it. ON CONFLICT and RETURNING name no column: INSERT is enough.
STORE = """
    WITH stored AS (
        INSERT INTO vault.originals (pseudonym, field, salt_version, data_key, sealed)
        SELECT pseudonym, field, %(salt_version)s, %(data_key)s::uuid, box FROM {source}
        ON CONFLICT DO NOTHING RETURNING 1
    )
    INSERT INTO vault.data_keys (id, wrapped, public_key)
    SELECT %(data_key)s::uuid, %(wrapped)s, %(public_key)s WHERE EXISTS (SELECT FROM stored)
    ON CONFLICT DO NOTHING
"""
STORE_ALL = STORE.format(source="pg_temp.sealed")
# Of a merged batch only what its rows hold: an event that was there already may have an older salt's pseudonyms.
STORE_MERGED = STORE.format(
    source="""
        pg_temp.sealed JOIN (
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
        self._lines: dict[str, str] = {}  # of COPY, by pseudonym
        self._values = {
            "salt_version": 0,
            "data_key": str(uuid.uuid4()),
            "wrapped": wrapped_key,
            "public_key": public_key,
        }

    def seal(self, event: LoginEvent, row: MaskedLogin) -> None:
        """Seals what stands behind the pseudonyms of `row`."""
        self._values["salt_version"] = row.salt_version
        self._seal("ip", row.masked_ip, event.ip)
        self._seal("device_id", row.masked_device_id, event.device_id)

    def write(self, cursor: "extensions.cursor", *, merging: bool) -> None:
        """Stores what the vault does not have yet; `merging`: only for the rows in `arrivals` that were written."""
        if not self._lines:
            return
        cursor.execute(CREATE_SEALED)
        # In order, so that two batches with the same originals never wait for each other crosswise.
        lines = _Lines(sorted(self._lines.values()))
        cursor.copy_expert(COPY_SEALED, lines)  # type: ignore[arg-type]  # only read() is called
        cursor.execute(STORE_MERGED if merging else STORE_ALL, self._values)

    def _seal(self, field: str, pseudonym: str, original: str) -> None:
        if pseudonym in self._lines:
            return
        # A counter: never twice the same nonce under one key (NIST SP 800-38D, 8.2.1).
        nonce = len(self._lines).to_bytes(NONCE_BYTES, "big")
        box = self._encrypt(nonce, original.encode(), associated_data(field, pseudonym))
        self._lines[pseudonym] = f"{pseudonym}\t{field}\t\\\\x{nonce.hex()}{box.hex()}\n"


class _Lines:
    """Lines of COPY for psycopg2 to read."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._next = 0

    def read(self, _size: int = -1) -> bytes:
        start, self._next = self._next, self._next + ROWS_A_READ
        return "".join(self._lines[start : self._next]).encode()


def associated_data(field: str, pseudonym: str) -> bytes:
    """What ties a sealed original to its pseudonym: no other row can pass for it."""
    return f"{field}\0{pseudonym}".encode()
