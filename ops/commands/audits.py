"""The command `audit`: lists what operators did, and verifies that no entry was changed."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ops import operations
from ops.audit_chain import PAGE, find_heads, parse_head, verify
from ops.command_table import STYLE
from ops.errors import Exit, NothingFoundError
from ops.output import pick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.commands.common import Session
    from ops.operations.audits import Link

app = typer.Typer(**STYLE, name="audit", help="List what operators did, or verify the list.")


class Action(StrEnum):
    """Actions of the audit table."""

    RECOVER = "recover"
    LINK = "link"
    MASK = "mask"
    LOOKUP = "lookup"
    FORGET = "forget"
    RETENTION = "retention"
    EXPORT = "export"
    ARCHIVE = "archive"
    RESTORE = "restore"
    ERASE = "erase"
    SALT = "salt"
    SHOW = "show"


@app.callback(invoke_without_command=True)
def audit(
    context: typer.Context,
    action: Annotated[Action | None, typer.Option(help="Only entries of this action.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Highest number of entries to list.")] = 50,
) -> None:
    """List what operators did, the newest first.

    Example: loginpipe audit --action recover
    """
    if context.invoked_subcommand is not None:
        return
    session: Session = context.obj
    rows = session.target.call(operations.audit, action=action and action.value, limit=limit)
    names = ("id", "at", "action", "actor", "reason", "basis", "subject")
    session.output.result(rows, lambda: session.output.table("Audit", names, pick(rows, *names)))
    if not rows:
        raise NothingFoundError("The audit table has no such entry.")


@app.command("verify")
def verify_audit(
    context: typer.Context,
    head: Annotated[
        list[str] | None,
        typer.Option(metavar="N:HASH", help="Number and hash of an entry, from a log or an earlier run; repeatable."),
    ] = None,
) -> None:
    """Check that no entry of the audit table was removed, changed or moved.

    Each entry holds a hash of itself and of the entry before. The owner of the database can compute all hashes again.
    So the operator functions write the number and the hash of the newest entry to their logs; this pair is the head.
    The command compares the table with the heads of --head. Without --head it reads the heads from the logs, which
    needs logs:FilterLogEvents and lambda:GetFunctionConfiguration. It prints the newest head. If there is no such log,
    keep this head in another place.

    Exit code 3 if an entry is wrong, or if there is no head to compare with.

    Example: loginpipe audit verify --head 12:3f1a…
    """
    session: Session = context.obj
    heads = [parse_head(text) for text in head] if head else find_heads(session.target)
    verdict = verify(_read_chain(session), heads)
    newest = str(verdict.head) if verdict.head else None

    def print_lines() -> None:
        session.output.line(f"{verdict.entries:,} audit entries, compared with {len(heads):,} heads. Newest: {newest}.")
        for fault in verdict.faults:
            session.output.line(f"- {fault}")
        if not heads:
            session.output.note("No head is known, so the command cannot notice a table that was replaced as a whole.")

    result = {"entries": verdict.entries, "head": newest, "heads_compared": len(heads), "faults": verdict.faults}
    session.output.result(result, print_lines)
    if verdict.faults or not heads:
        raise typer.Exit(Exit.PROBLEMS)


def _read_chain(session: "Session") -> "Iterator[Link]":
    after = 0
    while page := session.target.call(operations.audit_chain, after=after, limit=PAGE):
        yield from page
        after = page[-1]["id"]
