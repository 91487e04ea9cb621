"""What can go wrong, by what has to be done about it. No message holds a value of a record."""


class PipelineError(Exception):
    """Root of the pipeline's own errors."""


class SettingsError(PipelineError):
    """The environment is incomplete or malformed: the message names each variable. Correct the configuration."""


class SaltError(PipelineError):
    """The salt is missing, unreadable, or not the key of this database's rows of its version."""


class EventError(PipelineError):
    """The event is no batch of SQS messages. Remove the trigger that sent it."""


class SetupError(PipelineError):
    """The database refuses what no second try can mend: log-in, database, schema, privileges, partitions."""


class TransientError(PipelineError):
    """The database did not take the batch this time: connection, contention, limits. The queue delivers it again."""


class BadRowError(PipelineError):
    """The database refuses a row of the batch because of its data (any SQLSTATE that tells of nothing else)."""

    def __init__(self, state: str) -> None:
        super().__init__(f"Postgres refuses a row (SQLSTATE {state}).")
        self.state = state


class MigrationError(PipelineError):
    """The migrations and the database do not fit together."""
