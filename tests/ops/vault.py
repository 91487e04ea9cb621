"""What the tests of the vault share."""

import hashlib
import hmac
from typing import Any

from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch

IP, DEVICE = "198.51.100.77", "canary-device-4711"
REASON = ("--reason", "case 12", "--basis", "legal-obligation")


def pseudonym(salt: SaltParameter, field: str, value: str) -> str:
    return hmac.new(salt.key, field.encode() + b"\0" + value.encode(), hashlib.sha256).hexdigest()


def originals(database: Scratch, columns: str = "pseudonym") -> list[tuple[Any, ...]]:
    """Unfold the inbox and return these columns of all originals."""
    database.execute("SELECT vault.unfold(1000)")
    assert database.count("vault.inbox") == 0
    return database.rows(columns, "vault.originals")
