"""The command `salt`: manages the versions of the salt."""

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
    typer.Option(min=0, metavar="N", help="Highest salt version that any login has. Default: ask the database."),
]


@app.command("create")
def create_salt(
    context: typer.Context,
    kms_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="KMS key that encrypts the salt. Default: the account's key for SSM."),
    ] = None,
    above: Above = None,
    reason: Why = "salt create",
) -> None:
    """Create the salt: 32 random bytes in an SSM SecureString. The command never prints the salt.

    The command fails if the parameter exists. After a parameter was deleted, SSM numbers its versions from 1 again. A
    version must never mean two salts. So the new salt gets a higher version than all logins in the database, and the
    lower versions hold a text that is not a salt. If the database cannot be reached, give --above (0 if it has no
    logins).
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
    """Create a new version of the salt; asks first.

    Running functions read the new salt within 5 minutes. After that a device or an address gets another pseudonym than
    before. Counts across the rotation are then wrong, unless the vault is on and you run `salt link`. Old rows keep
    their pseudonyms and their salt version. `lookup` finds old rows as long as SSM keeps that version: SSM keeps 100
    versions. The new version is higher than the version of any login in the database. If the database cannot be
    reached, give --above; then the audit table gets no entry.
    """
    session: Session = context.obj
    parameter = session.target.settings.require("salt_parameter")
    confirm("From now on the same devices and addresses get other pseudonyms. Rotate the salt?", yes=yes)
    highest = _highest_known(session, above)
    note_act(session, operations.note_salt, must=above is None, change="rotate", reason=reason)
    version = salts.rotate_salt(session.target.ssm, parameter, above=highest)

    def print_lines() -> None:
        session.output.line(f"The salt is at version {version}; functions read it within 5 minutes.")
        session.output.note(
            f"If the vault is on, then run: loginpipe salt link OLD {version} --reason … (OLD: the version before)"
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
    new: Annotated[int, typer.Argument(min=1, metavar="NEW", help="Version of the salt to link to.")],
    reason: Why,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="The vault's KMS key (default: VAULT_KEY).")] = None,
    yes: Yes = False,
) -> None:
    """Link the pseudonyms of two salt versions, so that counts survive a rotation; asks first.

    The command opens each original of the old version in the vault. It does so on this machine, in memory. It makes
    the pseudonym of the new version, and writes both pseudonyms to the table pseudonym_links. The views for analysts
    then count both pseudonyms as one. This needs kms:Decrypt on the vault's key, and ssm:GetParameterHistory on the
    salt. The audit table gets an entry. Run the command when all functions have the new salt: 5 minutes after the
    rotation. If you run it again, it links the originals that are new.

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
    session.output.note("The next `upkeep` updates the views shared_ips and shared_devices (in the cloud: every hour).")
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
            "Only the database knows the salt versions in use: set PG* or READER_FUNCTION, or give --stack, "
            "or give the highest version with --above (0: the database has no logins)."
        )
    return session.target.call(operations.highest_salt_version)


def _age(created: datetime | None) -> str:
    return "no longer in SSM" if created is None else age(time.time() - created.timestamp())
