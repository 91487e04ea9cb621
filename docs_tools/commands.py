"""The command line, as its own help texts describe it, and its exit codes."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from docs_tools.markdown import code, table
from ops.cli import app
from ops.command_table import COMMANDS
from ops.errors import Exit

MEANINGS = {
    Exit.DONE: "Done.",
    Exit.FAILED: "Failed. The message says why.",
    Exit.USAGE: "Called wrongly, or settings are missing.",
    Exit.PROBLEMS: "Done, but there are problems: bad lines, refused messages, findings of `doctor`.",
    Exit.NOTHING: "Nothing found.",
    Exit.STOPPED: "Interrupted by a signal. The message says what is left behind.",
}


def exit_codes() -> str:
    """One row an exit code."""
    return table(("code", "meaning"), ((code(str(int(each))), MEANINGS[each]) for each in Exit))


def commands() -> str:
    """The help of each command, with a heading."""
    return "\n\n".join(
        f"### {' '.join(('loginpipe', *words))}\n\n```text\n{_help(words)}\n```" for words in _commands()
    )


def _commands() -> Iterator[tuple[str, ...]]:
    group: Any = get_command(app)
    yield ()
    for entry in COMMANDS:
        yield (entry.name,)
        with group.make_context("loginpipe", [entry.name], resilient_parsing=True) as context:
            command = group.resolve_command(context, [entry.name])[1]
        for name in getattr(command, "commands", {}):
            yield (entry.name, name)


def _help(words: tuple[str, ...]) -> str:
    # As wide as the style guide's lines, whatever the terminal's width is.
    result = CliRunner().invoke(
        app, [*words, "--help"], env={"COLUMNS": "80", "LOGINPIPE_DIRECTORY": ""}, prog_name="loginpipe"
    )
    if result.exit_code:
        raise ValueError(f"{' '.join(words)} --help: {result.output}")
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())
