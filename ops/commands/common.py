"""Shared code of the commands."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer

from lambda_src.errors import PipelineError
from lambda_src.settings import DatabaseSettings, load_database_settings
from ops.choice import choose_pipeline
from ops.errors import OpsError, UsageError
from ops.output import Output
from ops.target import Target


@dataclass
class Session:
    """The global options, and the objects made from them."""

    as_json: bool = False
    stack: str | None = None
    local: bool = False
    directory: Path | None = None
    role: str = "reader"  # the database role of a command on the local stack
    output: Output = field(init=False)

    def __post_init__(self) -> None:
        self.output = Output(as_json=self.as_json)

    @cached_property
    def target(self) -> Target:
        """The pipeline that the command works on."""
        choice = None if self.stack else choose_pipeline(self.directory, self.role, forced=self.local)
        if choice and choice.is_news:
            self.output.note("This is the running local stack (--stack or the environment choose another).")
        return Target(self.stack, choice.logins if choice else None)


def note_act(session: Session, operation: Callable[..., object], *, must: bool = True, **arguments: object) -> None:
    """Writes an audit entry before an action; prints a note if the database cannot be reached.

    Raises PipelineError if the entry cannot be written, unless `must` is false.
    """
    if not session.target.has_database:
        session.output.note("The database is not known, so its audit table gets no entry.")
        return
    try:
        session.target.call(operation, **arguments)
    except PipelineError as error:
        if must:
            raise
        session.output.note(f"The audit table got no entry: {error}")


def reachable_database(session: Session) -> DatabaseSettings | None:
    """Returns the database if this machine can reach it directly; otherwise prints a note and returns None."""
    if session.target.settings.has_database:
        return load_database_settings()
    session.output.note("This machine does not reach the database directly: the command can read only archived months.")
    return None


def confirm(question: str, *, yes: bool) -> None:
    """Asks on standard error unless `yes`; raises OpsError if the answer is not yes."""
    if not yes and not typer.confirm(question, err=True):
        raise OpsError("Nothing was done.")


def _check_reason(reason: str) -> str:
    """Returns the given reason; raises UsageError if it is blank."""
    if not reason.strip():
        raise UsageError("--reason must say why.")
    return reason


Why = Annotated[
    str,
    typer.Option(metavar="TEXT", callback=_check_reason, help="Reason for the audit table, without personal data."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for scripts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Only print what the command would do.")]
Lakes = Annotated[
    list[str] | None,
    typer.Option("--archives", metavar="TARGET", help="A folder or s3://bucket/prefix of archives; repeatable."),
]
