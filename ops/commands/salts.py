"""`salt`: the versions of the salt."""

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ops import operations, salts
from ops.command_table import STYLE
from ops.commands.common import Why, Yes, confirm, note_act
from ops.errors import NothingFoundError, UsageError
from ops.output import age, counted
from ops.recovery import Opener, link

if TYPE_CHECKING:
    from ops.commands.common import Session

app = typer.Typer(
    **STYLE, name="salt", no_args_is_help=True, help="The salt of the pseudonyms: create, rotate, status, link."
)

Above = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="N", help="Highest version that any login may have been masked with; without, the database says."
    ),
]


@app.command("create")
def create_salt(
    context: typer.Context,
    kms_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="KMS key that encrypts it; without, the account's key for SSM.")
    ] = None,
    above: Above = None,
    reason: Why = "salt create",
) -> None:
    """Create the salt: 32 random bytes as an SSM SecureString, which nobody gets to see.

    Refuses where there is one already. SSM numbers the versions of a parameter that was deleted from 1 again; so that
    no version ever means two keys, the salt becomes a version above all that the database knows, and the numbers below
    hold a text that is no salt. Where the database cannot be reached, say --above (0: it has no logins).
    """
    session: Session = context.obj
    parameter = session.target.settings.require("salt_parameter")
    highest = _highest_known(session, above)
    note_act(session, operations.note_salt, must=above is None, change="create", reason=reason)
    version = salts.create_salt(session.target.ssm, parameter, kms_key, above=highest)
    session.output.result({"version": version}, lambda: session.output.line(f"Created the salt, version {version}."))


@app.command("rotate")
def rotate_salt(
    context: typer.Context,
    yes: Yes = False,
    above: Above = None,
    reason: Why = "salt rotate",
) -> None:
    """Put a new version of the salt; asks first.

    Running functions take it up within 5 minutes. From then on the same device and address get other pseudonyms than
    before: counts across the rotation break, unless the vault is on and `salt link` is run afterwards. Old rows keep
    their pseudonyms and the version that made them; `lookup` goes on finding them while SSM has that version (100). The
    new version is above all that the database knows; where it cannot be reached, say --above. Audited, if the database
    can be reached.
    """
    session: Session = context.obj
    parameter = session.target.settings.require("salt_parameter")
    confirm("From now on the same devices and addresses get other pseudonyms. Rotate the salt?", yes=yes)
    highest = _highest_known(session, above)
    note_act(session, operations.note_salt, must=above is None, change="rotate", reason=reason)
    version = salts.rotate_salt(session.target.ssm, parameter, above=highest)

    def print_lines() -> None:
        session.output.line(f"The salt is at version {version}; functions take it up within 5 minutes.")
        session.output.note(
            f"With the vault on, then run: loginpipe salt link OLD {version} --reason … (OLD: the version before)"
        )

    session.output.result({"version": version}, print_lines)


@app.command("status")
def show_status(context: typer.Context) -> None:
    """Show the salt's versions: age, author, logins masked with each. No value is decrypted."""
    session: Session = context.obj
    versions = session.target.salts.versions()
    rows = session.target.call(operations.rows_by_version) if session.target.has_database else None
    for version in versions:
        version["logins"] = rows.pop(str(version["version"]), 0) if rows is not None else None
    for gone, count in sorted((rows or {}).items(), key=lambda item: -int(item[0])):
        versions.append({"version": int(gone), "created": None, "created_by": None, "type": None, "logins": count})

    def print_table() -> None:
        session.output.table(
            f"Salt {session.target.settings.require('salt_parameter')}",
            ("version", "age", "created by", "logins"),
            ((v["version"], _age(v["created"]), v["created_by"], v["logins"]) for v in versions),
        )

    session.output.result(versions, print_table)


@app.command("link")
def link_salts(
    context: typer.Context,
    old: Annotated[int, typer.Argument(min=1, metavar="OLD", help="Version of the salt before the rotation.")],
    new: Annotated[int, typer.Argument(min=1, metavar="NEW", help="Version to link it to.")],
    reason: Why,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="The vault's KMS key (default: VAULT_KEY).")] = None,
    yes: Yes = False,
) -> None:
    """Link the pseudonyms of two salt versions, so that counts survive a rotation; asks first.

    Opens each original of the old version that the vault holds, here and in memory only, makes its pseudonym under the
    new version and writes the pair (table pseudonym_links). The views for analysts then count old and new as one. Needs
    kms:Decrypt on the vault's key, and ssm:GetParameterHistory on the salt. Audited. Run it once all functions have the
    new salt (5 minutes after the rotation); running it again links what is new.

    Example: loginpipe salt link 3 4 --reason "yearly rotation"
    """
    session: Session = context.obj
    if old >= new:
        raise UsageError("OLD must be a lower version than NEW: pseudonyms are linked to the newest ones.")
    target = session.target
    opener = Opener(target.kms, key or target.settings.require("vault_key"), target.salts.mask)
    if not {new} <= target.salts.keys.keys():
        raise NothingFoundError(f"SSM has no usable version {new} of the salt.")
    confirm(f"Open all originals of salt version {old} to link them to version {new}?", yes=yes)
    with session.output.progress("linking", None) as step:
        seen, written = link(target, opener, old=old, new=new, reason=reason, step=step)
    session.output.note("The views shared_ips and shared_devices follow with the next `upkeep` (in the cloud: hourly).")
    session.output.result(
        {"originals": seen, "linked": written},
        lambda: session.output.line(
            f"Linked {counted(written, 'pseudonym')} ({counted(seen, 'original')} of version {old})."
        ),
    )


def _highest_known(session: "Session", above: int | None) -> int:
    if above is not None:
        return above
    if not session.target.has_database:
        raise UsageError(
            "Which versions of the salt are in use, only the database knows: set PG* or READER_FUNCTION, or give "
            "--stack, or say the highest one with --above (0: the database has no logins)."
        )
    return session.target.call(operations.highest_salt_version)


def _age(created: datetime | None) -> str:
    return "no longer in SSM" if created is None else age(time.time() - created.timestamp())
