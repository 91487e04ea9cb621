"""The errors of the local stack, apart from the pipeline's own."""

from lambda_src.errors import PipelineError


class LocalStackError(PipelineError):
    """The local stack cannot do a task; the message says what to do."""


class FunctionError(Exception):
    """An invocation failed; the function's log says why. Never holds a value of an event."""
