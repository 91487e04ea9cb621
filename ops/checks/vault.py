"""Checks the vault: its key, and the batches that wait to be unfolded."""

import hashlib
from collections.abc import Iterator

from ops.checks.finding import Finding, Status
from ops.operations.health import VaultKey
from ops.target import Target

LONGEST_WAIT = 24  # hours, of a sealed batch


def check_vault(target: Target, sealed: list[VaultKey], faults: int) -> Iterator[Finding]:
    """Compares the public keys that the vault was `sealed` for with its KMS key; reports batches set aside."""
    if faults:
        advice = "The owner of the database finds them and their SQLSTATE in vault.inbox_faults; see the runbook."
        yield Finding("vault faults", Status.ERROR, f"{faults:,} sealed batches could not be unfolded", advice)
    if not sealed:
        yield Finding("vault", Status.OK, "off, or empty")
        return
    newest = max(sealed, key=lambda row: str(row["newest"]))
    found = f"{sum(row['data_keys'] for row in sealed):,} batches, last for public key {newest['public_key'][:16]}…"
    if (hours := max(row["waiting_hours"] for row in sealed)) > LONGEST_WAIT:
        advice = "Run `upkeep`, or check that its schedule runs: it unfolds the sealed batches."
        yield Finding("vault inbox", Status.WARNING, f"a batch has waited for {hours:,.0f} hours", advice)
    if target.settings.vault_key is None:
        advice = "Set VAULT_KEY, or give --stack, to have its KMS key checked."
        yield Finding("vault", Status.WARNING, found, advice)
        return
    public = target.kms.get_public_key(KeyId=target.settings.vault_key)["PublicKey"]
    if hashlib.sha256(public).hexdigest() != newest["public_key"]:
        advice = "The KMS key cannot open what the function seals: give the function this key's public half."
        yield Finding("vault", Status.ERROR, found, advice)
    else:
        yield Finding("vault", Status.OK, f"{found}, which belongs to the KMS key")
