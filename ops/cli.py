"""The operator's command line: `loginpipe`, or `python -m ops`."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from lambda_src.errors import PipelineError, SettingsError
from ops.commands import archive, dead_letters, events, health, privacy, pseudonyms, retention, salts, work
from ops.commands.common import Session
from ops.errors import Exit, NothingFoundError, UsageError

HELP = """Operate the login pipeline: dead letters, events, salt, recovery, erasure, retention, health.

Works on the pipeline that the environment names: QUEUE_URL, DLQ_URL, SALT_PARAMETER, FUNCTION_NAME, VAULT_KEY,
OPERATOR_FUNCTION, CUSTODIAN_FUNCTION (each command says what it misses), the AWS SDK's variables and profiles
(AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL …) and libpq's (PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD …); or, with
--stack, on a deployed stack, whose operator function then does what needs the private database.

--json and --stack may stand anywhere on the line.
"""
EPILOG = """Exit codes: 0 done · 1 failed, the message says why · 2 called wrongly, or settings are missing ·
3 done, but there are problems (bad lines, refused messages, findings of doctor) · 4 nothing found · 130 interrupted.

Start with: loginpipe doctor
"""

app = typer.Typer(
    name="loginpipe",
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(health.doctor)
app.add_typer(dead_letters.app)
app.command()(events.send)
app.command()(events.report)
app.add_typer(salts.app)
app.add_typer(pseudonyms.app)
app.command()(pseudonyms.lookup)
app.command()(privacy.recover)
app.command()(privacy.forget)
app.command()(privacy.audit)
app.command()(retention.retention)
app.command()(archive.archive)
app.command()(retention.upkeep)
app.command()(work.worker)


@app.callback()
def choose(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print results, and errors, as JSON.")] = False,
    stack: Annotated[
        str | None, typer.Option("--stack", metavar="NAME", help="Work on this deployed CloudFormation stack.")
    ] = None,
) -> None:
    """Gives every command the global options."""
    context.obj = Session(as_json, stack)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code. What goes wrong is explained in one line, without a traceback."""
    words = _globals_first(list(sys.argv[1:] if arguments is None else arguments))
    as_json = "--json" in words
    try:
        app(words, prog_name="loginpipe")
    except SystemExit as end:  # the parser's way to say what became of it
        return end.code if isinstance(end.code, int) else Exit.FAILED
    except (PipelineError, BotoCoreError, ClientError) as error:
        code, text = _exit_code(error), _explain(error)
        print(json.dumps({"error": text, "exit_code": code}) if as_json else f"loginpipe: {text}", file=sys.stderr)
        return code
    return Exit.DONE


def _globals_first(words: list[str]) -> list[str]:
    """The global options moved to the front, where the parser wants them."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            rest += [word, *left]
        elif word == "--json" or word.startswith("--stack="):
            front.append(word)
        elif word == "--stack":
            front += [word, *(value for value in (next(left, None),) if value is not None)]
        else:
            rest.append(word)
    return front + rest


def _exit_code(error: Exception) -> int:
    if isinstance(error, SettingsError | UsageError):
        return Exit.USAGE
    return Exit.NOTHING if isinstance(error, NothingFoundError) else Exit.FAILED


def _explain(error: Exception) -> str:
    """What went wrong, with what to do about it where AWS's own words do not say."""
    if isinstance(error, NoCredentialsError):
        return "There are no AWS credentials: log in (aws sso login), or set AWS_PROFILE or AWS_ACCESS_KEY_ID."
    if isinstance(error, NoRegionError):
        return "The AWS region is not known: set AWS_REGION."
    if isinstance(error, EndpointConnectionError):
        return f"AWS cannot be reached: {error}"
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return f"AWS refuses {error.operation_name} ({details.get('Code')}): {details.get('Message', '')}"
    return str(error)
