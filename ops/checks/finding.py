"""What a check of `doctor` finds."""

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
    """What one check found; `advice` says what to do where it is not well."""

    check: str
    status: Status
    found: str
    advice: str = ""
