"""`retention` and `upkeep`: how old logins leave, and what keeps the table in order."""

from typing import TYPE_CHECKING, Annotated

import typer

from ops import operations
from ops.commands.common import DryRun, Yes, confirm
from ops.errors import NothingFoundError
from ops.output import counted

if TYPE_CHECKING:
    from ops.commands.common import Session
    from ops.operations.removal import Retained

Ahead = Annotated[int, typer.Option(min=1, max=60, metavar="N", help="Have partitions for so many months to come.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the audit table.")]


def retention(
    context: typer.Context,
    months: Annotated[
        int, typer.Option(min=1, max=1200, metavar="N", help="Keep this month and so many months before it.")
    ],
    ahead: Ahead = 12,
    reason: Reason = "retention period",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Drop the logins of old months; asks first.

    Drops whole months older than N months before this one, rejects of that age, and what of the vault and the links no
    login has any more. Also makes the partitions of the coming months. In the cloud it also runs on a schedule.

    Exit code 4 where there was nothing to do.

    Example: loginpipe retention --months 13 --dry-run
    """
    session: Session = context.obj

    def run(*, dry_run: bool) -> "Retained":
        return session.target.call(operations.retention, months=months, ahead=ahead, reason=reason, dry_run=dry_run)

    result = run(dry_run=True)
    if not dry_run:
        if result["dropped"]:
            logins = sum(row["logins"] for row in result["dropped"])
            months_told = counted(len(result["dropped"]), "month")
            confirm(f"Drop {months_told} with {counted(logins, 'login')} for good?", yes=yes)
        result = run(dry_run=False)

    def print_tables() -> None:
        rows = ((row["month"] or "without a partition", row["logins"]) for row in result["dropped"])
        session.output.table("Would be dropped" if dry_run else "Dropped", ("month", "logins"), rows)
        rejects = counted(result["rejects"], "reject")
        session.output.line(f"{'Would remove' if dry_run else 'Removed'} {rejects} of that age.")
        if not dry_run:
            session.output.line(
                f"Made {counted(result['made'], 'partition')}. Removed what no login has any more: "
                f"{counted(result['originals'], 'sealed original')} and {counted(result['links'], 'link')}."
            )

    session.output.result(result, print_tables)
    if not (result["dropped"] or result["rejects"] or result["made"] or result["originals"] or result["links"]):
        raise NothingFoundError("There is no login as old as that.")


def upkeep(
    context: typer.Context,
    ahead: Ahead = 12,
) -> None:
    """Make partitions ahead, and count what is shared.

    Makes the partitions of the coming months, and counts shared devices and addresses anew.

    In the cloud it runs every hour; elsewhere let cron run it. Nothing breaks without: logins of a month without a
    partition are stored all the same, and the views shared_ips and shared_devices stay right but get slow.
    """
    session: Session = context.obj
    result = session.target.call(operations.upkeep, ahead=ahead)
    session.output.result(result, lambda: session.output.line(f"Made {counted(result['made'], 'partition')}; counted."))
