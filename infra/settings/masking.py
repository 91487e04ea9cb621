"""The settings of salt, vault, guesses, partitions and retention."""

from dataclasses import dataclass

from infra.settings.values import flag, number, setting, text


@dataclass(frozen=True, kw_only=True)
class MaskingSettings:
    """Salt, vault, guesses, partitions and retention; each field is one context key."""

    salt_key_arn: str | None = setting(
        text(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]+", "a KMS key's ARN"),
        "existing KMS key of the salt: to take up the salt of a destroyed stack, or that of saltParameter",
        default=None,
    )
    salt_parameter: str | None = setting(
        text(r"(/[A-Za-z0-9_.-]+)+", "a parameter's name, such as /login-pipeline-one/salt"),
        "salt of another stack, with saltKeyArn, for shards that are to give the same pseudonyms",
        default=None,
    )
    daily_partitions: bool = setting(
        flag, "partition by day, for good: from some ten million logins a month on", default=False
    )
    retention_months: int | None = setting(
        number(1, 1200), "months of logins to keep beside the current one; by default all are kept", default=None
    )
    vault_key_arn: str | None = setting(
        text(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]+", "a KMS key's ARN"),
        "asymmetric KMS key (RSA, ENCRYPT_DECRYPT) that opens the vault; switches the vault on, with vaultPublicKey",
        default=None,
    )
    vault_public_key: str | None = setting(
        text(r"[A-Za-z0-9+/]{300,1500}={0,2}", "the base64 that `aws kms get-public-key` prints"),
        "public half of vaultKeyArn, which the function seals with",
        default=None,
    )
    linking: bool = setting(
        flag, "a function for `salt link`, which opens all originals of a version of the salt", default=False
    )
    values_per_hour: int = setting(
        number(1, 1_000_000), "values that may be masked or looked up in an hour, by all callers together", default=60
    )
