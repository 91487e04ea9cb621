"""What can go wrong with the local stack, apart from the pipeline itself."""

from lambda_src.errors import PipelineError


class LocalStackError(PipelineError):
    """The local stack cannot do what was asked; the message says what to do."""


class FunctionError(Exception):
    """An invocation failed; the function's log says why. Never holds a value of an event."""
