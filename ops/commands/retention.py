"""The commands `retention` and `upkeep`: drop old logins, and make partitions and counts."""

from typing import TYPE_CHECKING, Annotated

import typer

from ops import operations
from ops.commands.common import DryRun, Lakes, Why, Yes, confirm
from ops.errors import Exit, NothingFoundError
from ops.lake.erasure import erase_months
from ops.lake.lakes import describe_errors, erase_in_lakes, note_erased
from ops.output import counted

if TYPE_CHECKING:
    from ops.commands.common import Session
    from ops.lake.erasure import Erased
    from ops.operations.removal import Retained

Ahead = Annotated[int, typer.Option(min=1, max=60, metavar="N", help="Number of coming months that get partitions.")]


def retention(
    context: typer.Context,
    months: Annotated[
        int, typer.Option(min=1, max=1200, metavar="N", help="Keep the current month and N months before it.")
    ],
    ahead: Ahead = 12,
    reason: Why = "retention period",
    archives: Lakes = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Drop the logins of old months; asks first.

    The command keeps the current month and N months before it. It drops all older months, and deletes older rejects. It
    also deletes the originals and links whose pseudonym no login has any more, and makes the partitions of the coming
    months. In the cloud the same also runs on a schedule.

    With --archives it also deletes the files of the dropped months from the archives in that place, for good. It does
    not change archives of earlier formats.

    Exit code 4 if there was nothing to do, 3 if an archive could not be changed.

    Examples: loginpipe retention --months 13 --dry-run · loginpipe retention --months 13 --archives s3://archives/logins
    """
    session: Session = context.obj

    def run(*, dry_run: bool) -> "tuple[Retained, list[Erased]]":
        done = session.target.call(operations.retention, months=months, ahead=ahead, reason=reason, dry_run=dry_run)
        before = done["before"]
        return done, erase_in_lakes(archives or (), lambda where: erase_months(where, before, dry_run=dry_run))

    result, lakes = run(dry_run=True)
    if not dry_run:
        logins = sum(row["logins"] for row in (*result["dropped"], *lakes))
        if result["dropped"] or logins:
            in_archives = counted(sum(lake["files"] for lake in lakes), "file")
            told = counted(len(result["dropped"]), "month") + (f" and {in_archives} of archives" if lakes else "")
            confirm(f"Drop {told} with {counted(logins, 'login')} for good?", yes=yes)
        result, lakes = run(dry_run=False)
        for lake in lakes:
            if lake["files"]:
                session.target.call(
                    operations.note_expiry, before=result["before"], counts=note_erased(lake), reason=reason
                )

    def print_tables() -> None:
        rows = ((row["month"] or "without a partition", row["logins"]) for row in result["dropped"])
        session.output.table("Would be dropped" if dry_run else "Dropped", ("month", "logins"), rows)
        rejects = counted(result["rejects"], "reject")
        session.output.line(f"{'Would remove' if dry_run else 'Removed'} {rejects} of that age.")
        for lake in lakes:
            files = f"{counted(lake['files'], 'file')} with {counted(lake['logins'], 'login')}"
            session.output.line(
                f"{'Would delete' if dry_run else 'Deleted'} {files} from archives in {lake['target']}."
            )
        for line in describe_errors(lakes):
            session.output.line(f"Not done: {line}")
        if not dry_run:
            session.output.line(
                f"Made {counted(result['made'], 'partition')}. Removed because no login has them any more: "
                f"{counted(result['originals'], 'sealed original')} and {counted(result['links'], 'link')}."
            )

    session.output.result({**result, "lakes": lakes}, print_tables)
    if any(lake["errors"] for lake in lakes):
        raise typer.Exit(Exit.PROBLEMS)
    has_removed = result["dropped"] or result["rejects"] or any(lake["files"] for lake in lakes)
    if not (has_removed or result["made"] or result["originals"] or result["links"]):
        raise NothingFoundError("There was nothing to do: no login is that old.")


def upkeep(
    context: typer.Context,
    ahead: Ahead = 12,
) -> None:
    """Make coming partitions, and count shared devices and addresses.

    The command makes the partitions of the coming months, and updates the counts of shared devices and addresses.

    In the cloud it runs every hour. On other machines, run it with cron. Without it the pipeline still works: Postgres
    stores logins of a month without a partition in the default partition. The views shared_ips and shared_devices stay
    correct, but get slow.
    """
    session: Session = context.obj
    result = session.target.call(operations.upkeep, ahead=ahead)
    session.output.result(result, lambda: session.output.line(f"Made {counted(result['made'], 'partition')}; counted."))
