"""Gives commands one option for each masked field of the contract, so that a new field needs no change here."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from lambda_src.contract import MASKED
from ops.errors import UsageError

Command = Callable[..., None]


def dashed(field: str) -> str:
    """Returns the name of a field with dashes, as the command line has it."""
    return field.replace("_", "-")


def with_field_options(metavar: str, meaning: str) -> Callable[[Command], Command]:
    """Gives a command the option --FIELD for each masked field, in place of its arguments `field` and `value`.

    Exactly one of them must be given. `meaning` explains the option; {field} in it becomes the field's name.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command).parameters.values()
        options = [
            inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(field))
            for field in MASKED
        ]
        parameters = [*(each for each in own if each.name not in ("field", "value")), *options]

        @functools.wraps(command)
        def run(**arguments: object) -> None:
            given = {field: value for field in MASKED if (value := arguments.pop(field)) is not None}
            if len(given) != 1:
                names = " or ".join(f"--{dashed(field)} {metavar}" for field in MASKED)
                raise UsageError(f"Give either {names}.")
            ((field, value),) = given.items()
            command(**arguments, field=field, value=value)

        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    def _option(field: str) -> object:
        text = meaning.format(field=field.replace("_", " "))
        return Annotated[str | None, typer.Option(f"--{dashed(field)}", metavar=metavar, help=text)]

    return decorate
