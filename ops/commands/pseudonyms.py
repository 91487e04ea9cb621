"""`mask` and `lookup`: the pseudonyms of a value, and the logins that have them."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lambda_src.contract import MASKED
from ops import operations
from ops.command_table import STYLE
from ops.commands.common import Why
from ops.commands.masked_fields import dashed, with_field_options
from ops.errors import NothingFoundError
from ops.output import counted, pick

if TYPE_CHECKING:
    from ops.commands.common import Session

app = typer.Typer(**STYLE, name="mask", no_args_is_help=True, help="Print the pseudonym of a given value.")

LIMITED = """Confirms a guess, so it is limited and audited.

    The audit table gets who asked, when, why and for which field; never the value. In an hour 60 values are answered,
    of `mask`, `lookup` and `recover` together; a deploy can set another number."""
Value = Annotated[str, typer.Argument(metavar="VALUE", help="The value, or - to read it from standard input.")]


def _add_mask_command(field: str) -> None:
    @app.command(dashed(field), help=f"Print the pseudonym of a value of `{field}` under the newest salt. {LIMITED}")
    def mask(context: typer.Context, value: Value, reason: Why) -> None:
        session: Session = context.obj
        data = session.target.call(operations.mask, field=field, value=_read(value), reason=reason)
        session.output.result(data, lambda: session.output.line(data["pseudonym"]))


for _field in MASKED:
    _add_mask_command(_field)


@with_field_options("VALUE", "A value of {field}; - reads it from standard input.")
def lookup(
    context: typer.Context,
    field: str,
    value: str,
    reason: Why,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Most logins to list.")] = 100,
) -> None:
    """List the logins with a given value.

    Finds them under whichever salt they were masked.

    Computes the pseudonym under every version of the salt that SSM still has. Limited and audited as `mask` is. Exit
    code 4 where there is no login.

    Example: loginpipe lookup --ip 199.172.111.135 --reason "case 1234"
    """
    session: Session = context.obj
    data = session.target.call(operations.lookup, field=field, value=_read(value), limit=limit, reason=reason)

    def print_tables() -> None:
        rows = pick(data["pseudonyms"], "salt_version", "pseudonym")
        session.output.table("Pseudonyms", ("salt version", "pseudonym"), rows)
        columns = list(data["logins"][0]) if data["logins"] else []
        session.output.table(
            f"Logins ({data['total']:,}, of {counted(data['users'], 'user')})",
            [column.replace("_", " ") for column in columns],
            (row.values() for row in data["logins"]),
        )
        if data["total"] > limit:
            session.output.note(f"These are the newest {limit:,} (--limit).")

    session.output.result(data, print_tables)
    if data["total"] == 0:
        raise NothingFoundError("No login has that value.")


def _read(value: str) -> str:
    """The value itself: on a command line it would stay in the shell's history, and in the list of processes."""
    return sys.stdin.readline().rstrip("\r\n") if value == "-" else value
