"""The finding of a check of `doctor`."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """The result of one check; `advice` says what to do if something is wrong."""

    check: str
    status: Status
    found: str
    advice: str = ""
