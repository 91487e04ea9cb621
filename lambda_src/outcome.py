"""What a write has to keep to, and what becomes of a batch."""

import math
from typing import NamedTuple

from lambda_src.masking import Salt
from lambda_src.rejects import Reject
from lambda_src.vault import SealedBatch


class WriteOptions(NamedTuple):
    """What a write has to keep to."""

    salt: Salt  # of all rows
    give_up_at: float = math.inf  # of time.monotonic(): a write that is still under way then is broken off
    sealed: SealedBatch | None = None  # where the vault is on


class BatchResult(NamedTuple):
    """What became of a batch. Rows that are neither written nor duplicates are among `rejects` or `failed`."""

    written: int
    duplicates: int
    rejects: list[Reject]  # recorded in rejected_logins
    failed: list[str]  # messageIds: the queue has to deliver them again
    unknown_fields: int = 0  # of all rows
