"""The command line `loginpipe`: its global options, its exit codes and its error messages."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from ops import __version__
from ops.command_table import STYLE, CommandGroup
from ops.errors import Exit, UsageError
from ops.globals import move_globals_first
from ops.usage import explain_usage

HELP = """Run, operate and inspect the login pipeline: on this machine, in a container, in the cloud.

With --stack a command works on that deployed stack. With --local it works on the running local stack (`loginpipe up`).
Otherwise it works on the pipeline that the environment names. The variables are QUEUE_URL, DLQ_URL, SALT_PARAMETER,
FUNCTION_NAME, VAULT_KEY, READER_FUNCTION, MASKER_FUNCTION, REMOVER_FUNCTION, CUSTODIAN_FUNCTION, LINKER_FUNCTION, the
variables of the AWS SDK, and the variables of libpq (PGHOST and so on). If the environment names no pipeline, the
command uses the running local stack, and prints a note.

--json, --stack, --local and --directory may stand anywhere on the line.
"""
EPILOG = """Exit codes: 0 done; 1 failed, and the message says why; 2 called wrongly, or settings are missing; 3 done,
but there are problems (bad lines, refused messages, findings of doctor); 4 nothing found; 130 interrupted.

Start with `loginpipe run` on this machine, or `loginpipe --stack NAME doctor`.
"""

app = typer.Typer(
    **STYLE | {"add_completion": True},
    name="loginpipe",
    cls=CommandGroup,
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:  # noqa: FBT001  as typer calls it
    if value:
        typer.echo(f"loginpipe {__version__}")
        raise typer.Exit


@app.callback()
def choose(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print results, and errors, as JSON.")] = False,
    stack: Annotated[
        str | None, typer.Option("--stack", metavar="NAME", help="Work on this deployed CloudFormation stack.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Work on the running local stack.")] = False,
    directory: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", envvar="LOGINPIPE_DIRECTORY", help="Where the local stack keeps its data and logs."
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Gives every command the global options."""
    from ops.commands.common import Session  # noqa: PLC0415  --help and --version do not need it

    if stack is not None and local:
        raise UsageError("Give either --stack or --local.")
    context.obj = Session(as_json, stack, local, directory)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code. Explains each error in one line, without a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _replace_closed_streams()
    try:
        code: Any = get_command(app).main(move_globals_first(words), prog_name="loginpipe", standalone_mode=False)
        _flush()
    except SystemExit as end:  # of shell completion, and of a closed pipe
        code = end.code
    except BrokenPipeError:  # the reader of the output has closed the pipe
        return Exit.FAILED
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help; its class is private
            typer.echo(str(error), err=True)
            return Exit.USAGE
        explained = _explain(error)
        if explained is None:
            raise
        return _report(*explained, as_json="--json" in words)
    if code == Exit.STOPPED:
        return _report(Exit.STOPPED, "Interrupted.", as_json="--json" in words)
    return code if isinstance(code, int) else Exit.DONE


def _replace_closed_streams() -> None:
    """Opens an output if the program was started without one (`>&-`): Python sets sys.stdout to None then."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  to the end of the process


def _flush() -> None:
    """Flushes the output; raises OSError if that fails, and only once."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would flush again at exit
        raise


def _explain(error: Exception) -> tuple[int, str] | None:
    """Returns exit code and message; None if the error is a bug of the program."""
    if isinstance(error, typer.Abort):
        return Exit.FAILED, "No answer: nothing was done. In scripts, give --yes."
    if isinstance(error, typer.TyperException):
        return Exit.USAGE, explain_usage(error)
    from ops.failures import explain  # noqa: PLC0415  only the AWS SDK can recognize its errors

    return explain(error)


def _report(code: int, text: str, *, as_json: bool) -> int:
    print(json.dumps({"error": text, "exit_code": code}) if as_json else f"loginpipe: {text}", file=sys.stderr)
    return code
