"""The commands of `loginpipe` by purpose. A command's module is imported when it runs, so that `--help` is fast."""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from ops.errors import UsageError

# Plain help, because the import of rich takes three times as long as that of typer.
STYLE: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}
OPTIONAL = "local"  # package and extra of the commands of the local stack


class Entry(NamedTuple):
    """A command: its purpose, its name, the first sentence of its help, and its module and attribute."""

    purpose: str
    name: str
    summary: str
    source: str  # module:attribute


COMMANDS = [
    Entry(
        "Try it",
        "run",
        "Send events through a fresh pipeline on this machine.",
        "local.trial:run",
    ),
    Entry("Try it", "up", "Start a pipeline on this machine, and leave it running.", "local.commands:up"),
    Entry("Try it", "status", "Show the running pipeline, and what it holds.", "local.commands:status"),
    Entry("Try it", "psql", "Open psql as the role analyst on the local database.", "local.trial:psql"),
    Entry("Try it", "down", "Stop the pipeline that `up` started.", "local.commands:down"),
    Entry("Try it", "env", "Print the pipeline as variables for a shell.", "ops.commands.pipeline:env"),
    Entry("Operate", "doctor", "Check the set-up, and say what to do about each fault.", "ops.commands.health:doctor"),
    Entry("Operate", "top", "Watch the pipeline at work.", "ops.commands.live:top"),
    Entry("Operate", "send", "Send events from a file to the queue.", "ops.commands.events:send"),
    Entry("Operate", "dlq", "Dead letters: list, redrive, purge.", "ops.commands.dead_letters:app"),
    Entry("Operate", "worker", "Consume the queue on this machine.", "ops.commands.work:worker"),
    Entry("Operate", "salt", "The salt of the pseudonyms: create, rotate, status, link.", "ops.commands.salts:app"),
    Entry(
        "Operate",
        "upkeep",
        "Make coming partitions, and count shared devices and addresses.",
        "ops.commands.retention:upkeep",
    ),
    Entry("Operate", "retention", "Drop the logins of old months; asks first.", "ops.commands.retention:retention"),
    Entry(
        "Operate",
        "archive",
        "Write a month of logins to Parquet files, or restore it.",
        "ops.commands.archive:archive",
    ),
    Entry("Privacy", "forget", "Erase a person; asks first.", "ops.commands.privacy:forget"),
    Entry("Privacy", "recover", "Print the original of a pseudonym.", "ops.commands.privacy:recover"),
    Entry("Privacy", "audit", "List what operators did, or verify the list.", "ops.commands.audits:app"),
    Entry("Inspect", "report", "Show logins, shared devices and addresses, and rejects.", "ops.commands.events:report"),
    Entry("Inspect", "query", "Query the logins of all months, with SQL.", "ops.commands.query:query"),
    Entry("Inspect", "lookup", "List the logins with a given value.", "ops.commands.pseudonyms:lookup"),
    Entry("Inspect", "mask", "Print the pseudonym of a given value.", "ops.commands.pseudonyms:app"),
]


class CommandGroup(TyperGroup):
    """Lists the commands of the table by purpose, and imports each when it runs."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401  as typer's own class takes them
        super().__init__(**attributes)
        self.commands = {entry.name: TyperCommand(entry.name, help=entry.summary) for entry in COMMANDS}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002  typer's types are private
        """Returns the names in the order of the table."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Loads the command that the first word names; returns it and the remaining words."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            command = _load(next(entry for entry in COMMANDS if entry.name == command.name))
            if ctx.params.get("as_json"):
                command.no_args_is_help = False  # the missing command is then an error in JSON
        return name, command, rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Writes a list of commands for each purpose."""
        for purpose in dict.fromkeys(entry.purpose for entry in COMMANDS):
            with formatter.section(purpose):
                formatter.write_dl([(entry.name, entry.summary) for entry in COMMANDS if entry.purpose == purpose])


def _load(entry: Entry) -> Any:  # noqa: ANN401
    module, _, name = entry.source.partition(":")
    try:
        found = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if not module.startswith(OPTIONAL):
            raise
        raise UsageError(
            f"`{entry.name}` needs the package {error.name}: install login-masking-pipeline[{OPTIONAL}]."
        ) from None
    if isinstance(found, typer.Typer):
        app = found
    else:
        app = typer.Typer(**STYLE)
        app.command(entry.name)(found)
    command = get_command(app)
    command.name = entry.name
    return command
