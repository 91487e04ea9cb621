"""The commands `mask` and `lookup`: print the pseudonym of a value, and the logins that have it."""

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

LIMITED = """This can confirm a guess, so it is limited and audited.

    The audit table gets the caller, the time, the reason and the field, but never the value. `mask`, `lookup` and
    `recover` together answer 60 values an hour; a deployment can set another number."""
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
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Highest number of logins to list.")] = 100,
) -> None:
    """List the logins with a given value.

    The command computes the pseudonym for every salt version that SSM still has, so it also finds logins from before a
    rotation. It is limited and audited like `mask`. Exit code 4 if there is no such login.

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
    """Returns the value; - keeps it out of the shell's history and the list of processes."""
    return sys.stdin.readline().rstrip("\r\n") if value == "-" else value
