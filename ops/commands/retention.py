"""`retention` and `archive`: how old logins leave, and come back."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ops import operations
from ops.archive import restore_archive, write_archive
from ops.commands.common import DryRun, Yes, confirm
from ops.errors import UsageError
from ops.places import place

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
    """Drop the logins of old months, and make the partitions of the coming ones; asks first.

    Drops whole months older than N months before this one, rejects of that age, and what of the vault and the links no
    login has any more. In the cloud it also runs on a schedule.

    Example: loginpipe retention --months 13 --dry-run
    """
    session: Session = context.obj

    def run(*, dry_run: bool) -> "Retained":
        return session.target.call(operations.retention, months=months, ahead=ahead, reason=reason, dry_run=dry_run)

    result = run(dry_run=True)
    if not dry_run:
        if result["dropped"]:
            logins = sum(row["logins"] for row in result["dropped"])
            confirm(f"Drop {len(result['dropped'])} months with {logins:,} logins for good?", yes=yes)
        result = run(dry_run=False)

    def print_tables() -> None:
        rows = ((row["month"] or "without a partition", row["logins"]) for row in result["dropped"])
        session.output.table("Would be dropped" if dry_run else "Dropped", ("month", "logins"), rows)
        if not dry_run:
            session.output.line(
                f"Made {result['made']} partitions; removed {result['originals']:,} sealed originals and "
                f"{result['links']:,} links that no login has any more."
            )

    session.output.result(result, print_tables)


def upkeep(
    context: typer.Context,
    ahead: Ahead = 12,
) -> None:
    """Make the partitions of the coming months, and count shared devices and addresses anew.

    In the cloud it runs every hour; elsewhere let cron run it. Nothing breaks without: logins of a month without a
    partition are stored all the same, and the views shared_ips and shared_devices stay right but get slow.
    """
    session: Session = context.obj
    result = session.target.call(operations.upkeep, ahead=ahead)
    session.output.result(result, lambda: session.output.line(f"Made {result['made']} partitions; counted."))


def archive(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A folder, or s3://bucket/prefix.")],
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="The month.")],
    drop: Annotated[bool, typer.Option("--drop", help="Drop the month from the database; asks first.")] = False,
    restore: Annotated[bool, typer.Option("--restore", help="Bring the month back from TARGET.")] = False,
    reason: Reason = "archive",
    yes: Yes = False,
) -> None:
    """Write a month of logins to files, or bring it back.

    Writes TARGET/YYYY-MM/: compressed JSON lines and a manifest of count and checksums; then reads all of it back and
    verifies it. With --drop the month is then dropped, if the database still holds exactly what was archived.

    --restore verifies everything first, then writes what is not there yet; people who were forgotten since the archive
    was made are left out. What the vault held of a month is not archived: `retention` removes it once the month is
    gone.

    The files hold personal data (user ids): protect and expire them as such.

    Examples: loginpipe archive --month 2026-01 s3://archives/logins --drop · loginpipe archive --month 2026-01
    s3://archives/logins --restore
    """
    session: Session = context.obj
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError("--month must be a month such as 2026-01.") from None
    if drop and restore:
        raise UsageError("Either --drop or --restore.")
    folder, where, now = first.strftime("%Y-%m"), place(target), datetime.now(UTC)
    if drop and folder >= now.strftime("%Y-%m"):
        raise UsageError("Only a month that is over can be dropped.")
    if restore:
        with session.output.progress("restoring", None) as step:
            counts = restore_archive(session.target, where, folder, reason, step)
        session.output.result(
            counts,
            lambda: session.output.line(
                f"Restored {counts['written']:,} logins; {counts['there_already']:,} were there already, "
                f"{counts['forgotten']:,} of forgotten people stay out."
            ),
        )
        return
    with session.output.progress("archiving", None) as step:
        held = write_archive(session.target, first, where, now, step)
    if drop:
        confirm(f"Archived and verified {held.count:,} logins. Drop {folder} from the database?", yes=yes)
        session.target.call(
            operations.archive_drop,
            month=f"{folder}-01",
            count=held.count,
            checksum=str(held.total),
            target=f"{where.name}/{folder}",
            reason=reason,
        )
    result = {"month": folder, "logins": held.count, "checksum": str(held.total), "dropped": drop}
    done = "archived, verified and dropped" if drop else "archived and verified"
    session.output.result(result, lambda: session.output.line(f"{folder}: {held.count:,} logins {done}."))
