"""The pipeline's errors, one class per way to react. No message holds a value of a record."""


class PipelineError(Exception):
    """Root of the pipeline's own errors."""


class SettingsError(PipelineError):
    """The environment is incomplete or malformed: the message names each variable. Correct the configuration."""


class SaltError(PipelineError):
    """The salt is missing, unreadable, or not the key of this database's rows of its version."""


class EventError(PipelineError):
    """The event is not a batch of SQS messages. Remove the trigger that sent it."""


class SetupError(PipelineError):
    """The set-up is wrong, so a retry does not help: log-in, database, schema, privileges, partitions."""


class TransientError(PipelineError):
    """The database did not accept the batch this time: connection, contention, limits. SQS delivers it again."""


class BadRowError(PipelineError):
    """The database refuses a row because of its data: any SQLSTATE without another known cause."""

    def __init__(self, state: str) -> None:
        super().__init__(f"Postgres refuses a row (SQLSTATE {state}).")
        self.state = state


class MigrationError(PipelineError):
    """The migrations and the database do not fit together."""
