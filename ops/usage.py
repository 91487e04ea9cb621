"""Explains a wrong command line in one sentence, and suggests the most similar valid word."""

import ast
from difflib import get_close_matches
from typing import Any

from typer import TyperException

PREFIX = "Value error, "  # of pydantic, which typer checks with


def explain_usage(error: TyperException) -> str:
    """Returns the error as one sentence, and how to get help."""
    text = error.format_message().strip().replace(PREFIX, "")
    possibilities = getattr(error, "possibilities", None)
    if possibilities:
        text = f"{getattr(error, 'message', text)}. Did you mean {' or '.join(sorted(possibilities))}?"
    elif nearest := _nearest_choice(error):
        text = f"{text} Did you mean {nearest!r}?"
    elif not text.endswith((".", "?", "!")):
        text += "."
    context = getattr(error, "ctx", None)
    return f"{text} Help: {context.command_path} --help" if context is not None else text


def _nearest_choice(error: TyperException) -> str | None:
    """Returns the choice of an option that is most similar to the given value."""
    parameter = getattr(error, "param", None)
    choices: Any = getattr(getattr(parameter, "type_descriptor", None), "choices", None)
    message = str(getattr(error, "message", "")).removeprefix(PREFIX)
    given, found, _ = message.partition(" is not one of ")
    if not choices or not found:
        return None
    names = [str(getattr(choice, "value", choice)) for choice in choices]
    return next(iter(get_close_matches(str(ast.literal_eval(given)), names, n=1)), None)
