"""The command `doctor`: finds faults of the set-up."""

from collections import Counter
from typing import TYPE_CHECKING

import typer

from ops.checks.finding import Status
from ops.doctor import examine
from ops.errors import Exit

if TYPE_CHECKING:
    from ops.commands.common import Session


def doctor(context: typer.Context) -> None:
    """Check the set-up, and say what to do about each fault.

    The command checks the caller, the queue, the redrive policy, retention, the function and its event source, the
    visibility timeout, clocks, the salt, the schema, partitions, privileges, server logging, and the vault. It changes
    nothing. Exit code 3 if it finds an error, 0 if it finds only warnings.

    Example: loginpipe --stack LoginPipeline-production doctor
    """
    session: Session = context.obj
    findings = list(examine(session.target))

    def print_table() -> None:
        session.output.table("Findings", ("check", "status", "found"), ((f.check, f.status, f.found) for f in findings))
        for finding in findings:
            if finding.advice:
                session.output.line(f"{finding.check}: {finding.advice}")

    session.output.result([vars(finding) for finding in findings], print_table)
    if Counter(finding.status for finding in findings)[Status.ERROR]:
        raise typer.Exit(Exit.PROBLEMS)
