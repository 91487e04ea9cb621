"""The command `archive`: writes a month of logins to files, or restores it."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ops import operations
from ops.archive import RestoredMonth, restore_month
from ops.commands.common import Why, Yes, confirm
from ops.errors import NothingFoundError, OpsError, UsageError
from ops.lake.archive import write_archive
from ops.output import counted
from ops.places import place

if TYPE_CHECKING:
    from ops.commands.common import Session
    from ops.operations.archives import KnownArchive, Made


def archive(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A folder, or s3://bucket/prefix.")],
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="The month.")],
    drop: Annotated[bool, typer.Option("--drop", help="Drop the month from the database; asks first.")] = False,
    restore: Annotated[bool, typer.Option("--restore", help="Restore the month from TARGET.")] = False,
    reason: Why = "archive",
    yes: Yes = False,
) -> None:
    """Write a month of logins to Parquet files, or restore it.

    The command writes each day to TARGET/month=YYYY-MM/day=DD/; many engines can read these files directly. It reads
    all files back, and then writes a manifest. It never overwrites an archive: only an erasure or a retention changes
    one. With --drop it then drops the month, if the database still holds exactly the archived logins. If logins arrive
    later, run the command again: it writes them to another archive. After an interruption, run it again too. It does
    not archive a month without logins.

    --restore first verifies all complete archives of the month, also archives of earlier formats. Then it writes the
    logins that the database does not hold. It leaves out people who were forgotten after the start of an archive.
    Originals in the vault are not archived: `retention` removes them when the month is gone.

    The files hold personal data (user ids): protect them, and delete them in time. Needs DuckDB: the extra `lake`.

    Exit code 4 if there is nothing to archive or to restore. If the month was dropped before, the command lists its
    archives.

    Examples: loginpipe archive --month 2026-01 s3://archives/logins --drop · loginpipe archive --month 2026-01
    s3://archives/logins --restore
    """
    session: Session = context.obj
    try:
        name = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).strftime("%Y-%m")
    except ValueError:
        raise UsageError("--month must be a month such as 2026-01.") from None
    if drop and restore:
        raise UsageError("Give either --drop or --restore.")
    if drop and name >= datetime.now(UTC).strftime("%Y-%m"):
        raise UsageError("Only a month that is over can be dropped.")
    where = place(target)
    if restore:
        with session.output.progress("restoring", None) as step:
            restored = restore_month(session.target, where, name, reason, step)
        session.output.result(restored, lambda: _show_restored(session, name, restored))
        return
    with session.output.progress("archiving", None) as step:
        written = write_archive(session.target, name, where, reason, step)
    if written is None:
        _report_nothing(session, name)
        return
    made: Made = {
        "month": name,
        "logins": written["logins"],
        "checksum": written["checksum"],
        "archive": written["archive"],
        "target": where.name,
    }
    if drop:
        _drop(session, made, reason, yes=yes)
    else:
        session.target.call(operations.archive_kept, made=made, reason=reason)
    done = "archived, verified and dropped" if drop else "archived and verified"
    line = f"{name}: {counted(made['logins'], 'login')} {done}, as archive {made['archive']}."
    session.output.result({**made, "dropped": drop}, lambda: session.output.line(line))


def _drop(session: "Session", made: "Made", reason: str, *, yes: bool) -> None:
    try:
        confirm(
            f"Archived and verified {counted(made['logins'], 'login')}. Drop {made['month']} from the database?",
            yes=yes,
        )
        session.target.call(operations.archive_drop, made=made, reason=reason)
    except OpsError:
        session.output.note(f"Archive {made['archive']} is complete, but the month was not dropped.")
        with suppress(OpsError):  # the first error is the one to report
            session.target.call(operations.archive_kept, made=made, reason=reason)
        raise


def _report_nothing(session: "Session", month: str) -> None:
    """Lists the archives of a month that was dropped before; then raises NothingFoundError."""
    known = [each for each in session.target.call(operations.known_archives, month=month) if each["dropped"]]

    def print_lines() -> None:
        for each in known:
            session.output.line(f"{month} was dropped before: {_describe(each)}")

    if known:
        result = {"month": month, "archive": None, "logins": 0, "checksum": "0", "dropped": False, "before": known}
        session.output.result(result, print_lines)
    raise NothingFoundError(f"{month} holds no logins: there is nothing to archive, and nothing was written.")


def _show_restored(session: "Session", month: str, restored: RestoredMonth) -> None:
    for each in restored["archives"]:
        session.output.line(
            f"Archive {each['archive']}, {counted(each['logins'], 'login')}: {each['written']:,} written, "
            f"{each['there_already']:,} there already, {each['forgotten']:,} of forgotten people left out."
        )
    session.output.line(
        f"{month}: restored {counted(restored['written'], 'login')}; {restored['there_already']:,} were there already, "
        f"{restored['forgotten']:,} of forgotten people were left out."
    )
    for folder in restored["incomplete"]:
        session.output.note(f"{folder} belongs to no complete archive, and was ignored.")
    for known in restored["elsewhere"]:
        session.output.note(f"Not restored, because it is not in this place: {_describe(known)}")


def _describe(known: "KnownArchive") -> str:
    name = known["archive"] or "(of the first format)"
    return f"archive {name} of {counted(known['logins'], 'login')} in {known['target']}, audit entry {known['entry']}"
