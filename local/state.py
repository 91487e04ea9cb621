"""The files of the local stack, and the description of the stack that is up."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from local.process import read_pid_file

ROOT = Path(__file__).resolve().parent.parent  # the checkout, or the folder in which the package is installed
DIRECTORY_VARIABLE = "LOGINPIPE_DIRECTORY"
UP = "up"  # subfolder of the stack that stays up


@dataclass(frozen=True)
class Description:
    """How to reach a stack that is up."""

    aws: dict[str, str]  # environment of an AWS client
    logins: dict[str, dict[str, str]]  # environment of a Postgres client, by role
    queue: str  # URLs
    dead_letter_queue: str
    salt_parameter: str
    visibility_seconds: int
    max_receives: int
    in_process: bool
    envelope: str  # kind of envelope, as in ENVELOPE
    vault_key: str | None  # ARN in the emulator's KMS
    vault_public_key: str | None
    quarantine: bool = False  # whether rejects go to the dead-letter queue at once

    @property
    def is_fifo(self) -> bool:
        """Whether the queue is a FIFO queue."""
        return self.queue.endswith(".fifo")

    def environment(self, role: str) -> dict[str, str]:
        """Returns the variables with which a program uses this stack, and its database as `role`."""
        vault = {"VAULT_KEY": self.vault_key, "VAULT_PUBLIC_KEY": self.vault_public_key}
        return {
            **self.aws,
            **self.logins[role],
            "QUEUE_URL": self.queue,
            "DLQ_URL": self.dead_letter_queue,
            "SALT_PARAMETER": self.salt_parameter,
            "ENVELOPE": self.envelope,
            **{name: value for name, value in vault.items() if value is not None},
        }


def get_directory() -> Path:
    """Returns the data folder: LOGINPIPE_DIRECTORY, else .local of a checkout, else the user's state folder."""
    if named := os.environ.get(DIRECTORY_VARIABLE, "").strip():
        return Path(named).resolve()
    if (ROOT / "pyproject.toml").exists():
        return ROOT / ".local"
    state = os.environ.get("XDG_STATE_HOME", "").strip() or Path.home() / ".local" / "state"
    return Path(state) / "loginpipe"


def find_stack(directory: Path) -> Description | None:
    """Returns how to reach the stack that is up in a directory; None if none is up or it is still starting."""
    if read_pid_file(pid_path(directory)) is None:
        return None
    try:
        return Description(**json.loads(description_path(directory).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def pid_path(directory: Path) -> Path:
    """The file that names the stack's process."""
    return directory / f"{UP}.pid"


def description_path(directory: Path) -> Path:
    """The file with the description."""
    return directory / UP / "stack.json"
