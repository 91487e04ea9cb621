"""The options of a write and the result of a batch."""

import math
from typing import NamedTuple

from lambda_src.masking import Salt
from lambda_src.rejects import Reject
from lambda_src.vault import SealedBatch


class WriteOptions(NamedTuple):
    """The options of a write."""

    salt: Salt  # masks all rows of the write
    give_up_at: float = math.inf  # time.monotonic() at which an unfinished write is cancelled
    sealed: SealedBatch | None = None  # None if the vault is off


class BatchResult(NamedTuple):
    """The result of a batch. Rows that are neither written nor duplicates are among `rejects` or `failed`."""

    written: int
    duplicates: int
    rejects: list[Reject]  # recorded in rejected_logins
    failed: list[str]  # messageIds that the queue has to deliver again
    unknown_fields: int = 0  # sum over all rows
