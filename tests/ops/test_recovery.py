"""`recover`: only with the key, a reason and a legal basis, never without an audit entry, and no forged original."""

import base64
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from local.aws import AwsEndpoint
from local.vault import VaultKey, create_vault_key
from tests.ops.command_line import CommandLine
from tests.ops.vault import DEVICE, IP, REASON
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch


def test_recover(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, finished.out) == (0, f"{IP}\n")
    ((masked_device,),) = database.rows("masked_device_id")
    assert loginpipe("--json", "recover", "--device-id", masked_device, *REASON).data["original"] == DEVICE
    entries = database.query("SELECT action, actor, role, reason, basis, subject FROM audit.entries ORDER BY id")
    caller = "arn:aws:iam::000000000000:root"
    assert entries == [
        ("recover", caller, "postgres", "case 12", "legal-obligation", sealed),
        ("mask", caller, "postgres", "case 12", None, "ip"),
        ("recover", caller, "postgres", "case 12", "legal-obligation", masked_device),
        ("mask", caller, "postgres", "case 12", None, "device_id"),
    ]
    recoveries = loginpipe("--json", "audit", "--action", "recover").data
    assert [row["subject"] for row in recoveries] == [masked_device, sealed]


def test_swapped_rows_are_noticed(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    ((other,),) = database.rows("masked_device_id")
    database.execute("SELECT vault.unfold(1)")
    database.execute(
        "UPDATE vault.originals o SET sealed = p.sealed FROM vault.originals p "
        "WHERE o.pseudonym = %s AND p.pseudonym = %s", sealed, other,
    )  # fmt: skip
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, "the vault is damaged" in finished.err) == (1, True)


@pytest.mark.parametrize("content", ["ip\0203.0.113.9", "device_id\0" + IP, "user_id\0" + IP, "\xff"])
def test_forged_box_is_noticed(
    loginpipe: CommandLine, database: Scratch, sealed: str, vault_key: VaultKey, salt: SaltParameter, content: str
) -> None:
    """The forger can write to the vault and seals correctly for this pseudonym, but does not know the salt."""
    database.execute("SELECT vault.unfold(1000)")
    data_key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
    public: Any = serialization.load_der_public_key(base64.b64decode(vault_key.public))
    wrapped = public.encrypt(data_key, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    box = nonce + AESGCM(data_key).encrypt(nonce, content.encode("latin-1"), sealed.encode())
    database.execute("UPDATE vault.data_keys SET wrapped = %s", wrapped)
    database.execute("UPDATE vault.originals SET sealed = %s WHERE pseudonym = %s", box, sealed)
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, "damaged or forged" in finished.err) == (1, True)
    assert "203.0.113.9" not in finished.out + finished.err
    assert IP not in finished.out + finished.err
    database.execute("DELETE FROM vault.originals WHERE pseudonym <> %s", sealed)
    salt.rotate()
    finished = loginpipe("salt", "link", "1", "2", "--reason", "r", "--yes")
    assert (finished.code, "damaged or forged" in finished.err, database.count("pseudonym_links")) == (1, True, 0)


def test_recover_without_the_version_of_the_salt(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    """The command shows no original that it cannot verify."""
    database.execute("SELECT vault.unfold(1000)")
    database.execute("UPDATE vault.originals SET salt_version = 7")
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, "no version 7" in finished.err, IP in finished.out) == (1, True, False)


def test_recover_unknown(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    finished = loginpipe("recover", "--ip", "0" * 64, *REASON)
    assert finished.code == 4
    assert database.count("audit.entries") == 1, "asking is an act, too"


@pytest.mark.parametrize(
    "words",
    [
        ("--basis", "consent"),
        ("--reason", "case"),
        ("--reason", "  ", "--basis", "consent"),
        ("--reason", "case", "--basis", "curiosity"),
    ],
)
def test_recover_without_reason_or_basis(
    loginpipe: CommandLine, database: Scratch, sealed: str, words: tuple[str, ...]
) -> None:
    finished = loginpipe("recover", "--ip", sealed, *words)
    assert (finished.code, finished.out) == (2, "")
    assert database.count("audit.entries") == 0


def test_recover_no_pseudonym(loginpipe: CommandLine, sealed: str) -> None:
    assert loginpipe("recover", "--ip", IP, *REASON).code == 2
    assert loginpipe("recover", *REASON).code == 2


def test_recover_wrong_field(loginpipe: CommandLine, sealed: str) -> None:
    finished = loginpipe("recover", "--device-id", sealed, *REASON)
    assert (finished.code, IP in finished.out + finished.err) == (1, False)


def test_recover_wrong_key(loginpipe: CommandLine, sealed: str, aws: AwsEndpoint) -> None:
    other = create_vault_key(aws.kms).arn
    finished = loginpipe("recover", "--ip", sealed, *REASON, "--key", other)
    assert (finished.code, "sealed for another KMS key" in finished.err) == (1, True)


def test_recover_without_audit_table(loginpipe: CommandLine, database: Scratch, sealed: str) -> None:
    """Without an audit entry the command shows no original."""
    database.execute("ALTER TABLE audit.entries ADD CONSTRAINT shut CHECK (false) NOT VALID")
    finished = loginpipe("recover", "--ip", sealed, *REASON)
    assert (finished.code, IP in finished.out + finished.err) == (1, False)
