"""The command `query`: runs SQL on the months in Postgres and in archives."""

import csv
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.common import Lakes, reachable_database
from ops.errors import OpsError, UsageError
from ops.lake.query import Query, open_query
from ops.output import counted
from ops.places import place

if TYPE_CHECKING:
    from ops.commands.common import Session


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT, in DuckDB's SQL.")],
    archives: Lakes = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the rows to a Parquet file.")] = None,
) -> None:
    """Query the logins of all months, with SQL.

    The table user_logins holds the months of the archives in TARGET and the months in Postgres, each login once. The
    views of the database have the schema hot, for example hot.daily_logins. The command reads Postgres as the role
    analyst, and cannot write to it: PGUSER must be analyst, or a member of analyst. With --stack it reads only
    archives.

    A query cannot read other files or other servers, and it cannot write. A column that an archive does not have is
    null in the rows of that archive. The result contains pseudonyms and user ids: personal data. Needs DuckDB: the
    extra `lake`.

    A query without rows ends with exit code 0.

    Examples: loginpipe query "select create_date, count(*) from user_logins group by all order by all" --archives
    s3://archives/logins · loginpipe query "select * from user_logins" --archives /var/archives --parquet all.parquet
    """
    session: Session = context.obj
    session.role = "analyst"
    if sum((as_csv, session.output.as_json, parquet is not None)) > 1:
        raise UsageError("Give only one of --json, --csv and --parquet.")
    settings = reachable_database(session)
    if settings is None and not archives:
        raise UsageError("Name archives with --archives, or Postgres with PGHOST and so on.")
    if parquet is not None:
        _prepare(parquet)
    places = [place(target) for target in archives or ()]
    with open_query(sql, settings, places, parquet and parquet.absolute()) as opened:
        if parquet is not None:
            with session.output.progress("asking", 100) as step:
                count = opened.write_parquet(parquet.absolute(), step)
            session.output.line(f"Wrote {counted(count, 'row')} to {parquet}.")
            return
        with session.output.progress("asking", 100) as step:
            columns = opened.run(step)
        if as_csv:
            _print_csv(columns, opened)
        else:
            _print(session, columns, opened)


def _prepare(path: Path) -> None:
    """Creates the file so that only this user can read it."""
    try:
        path.touch(mode=0o600)
    except OSError as error:
        raise OpsError(f"{path} cannot be written: {error.strerror}") from None


def _print_csv(columns: Sequence[str], opened: Query) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for rows in opened.pages():
        writer.writerows(rows)


def _print(session: "Session", columns: Sequence[str], opened: Query) -> None:
    if session.output.as_json and len(set(columns)) < len(columns):
        raise UsageError("Two columns have the same name: give them names with AS.")
    rows = [row for page in opened.pages() for row in page]
    data = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows] if session.output.as_json else None
    session.output.result(data, lambda: session.output.table(counted(len(rows), "row"), columns, rows))


def _plain(value: object) -> object:
    """Returns the value, or None for infinity and NaN, which JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
