"""The errors and exit codes of the command line, apart from the pipeline's own errors."""

from enum import IntEnum

from lambda_src.errors import PipelineError


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PROBLEMS = 3
    NOTHING = 4
    STOPPED = 130


class OpsError(PipelineError):
    """A command cannot do what was asked; the message says what to do."""


class NothingFoundError(OpsError):
    """The requested object does not exist."""


class TakenError(OpsError):
    """A file of that name exists already. Files of archives are never overwritten."""


class LockedError(OpsError):
    """Another session holds a lock for longer than a command waits."""


class UsageError(OpsError):
    """The command was called in a way that cannot work; the message says how to call it."""


class StoppedError(OpsError):
    """A signal has ended the command; the message says what it leaves behind."""
