"""The commands `recover` and `forget`: print an original, and erase a person."""

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ops import operations
from ops.commands.common import DryRun, Lakes, Why, Yes, confirm
from ops.commands.masked_fields import with_field_options
from ops.errors import Exit, NothingFoundError, OpsError, UsageError
from ops.fields import column_of
from ops.lake.erasure import erase_person
from ops.lake.lakes import describe_errors, erase_in_lakes, not_erased, note_erased
from ops.output import counted
from ops.recovery import Opener
from ops.remains import describe_remains, find_queues

if TYPE_CHECKING:
    from ops.commands.common import Session
    from ops.lake.erasure import Erased
    from ops.operations.removal import Forgotten

PSEUDONYM = re.compile(r"[0-9a-f]{64}")


class Basis(StrEnum):
    """Legal bases of GDPR article 6(1), in its order."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal-obligation"
    VITAL_INTERESTS = "vital-interests"
    PUBLIC_TASK = "public-task"
    LEGITIMATE_INTERESTS = "legitimate-interests"


@with_field_options("PSEUDONYM", "A pseudonym of {field}.")
def recover(
    context: typer.Context,
    field: str,
    value: str,
    reason: Why,
    basis: Annotated[Basis, typer.Option(help="Legal basis, GDPR article 6(1).")],
    key: Annotated[str | None, typer.Option(metavar="KEY", help="The vault's KMS key (default: VAULT_KEY).")] = None,
) -> None:
    """Print the original of a pseudonym.

    The original is personal data in the clear.

    The vault must be on, the login must still be in the database, and the caller must have the right to use the vault's
    KMS key. First the audit table gets the caller, the time, the reason and the pseudonym. Only then the command gets
    the sealed original, and opens it on this machine. To check the original, the function with the salt masks it again;
    this counts as one of the values that it answers an hour. Exit code 4 if the vault does not hold the original.

    Example: loginpipe recover --ip 3f1a… --reason "fraud case 1234" --basis legitimate-interests
    """
    session: Session = context.obj
    pseudonym = value.strip().lower()
    if not PSEUDONYM.fullmatch(pseudonym):
        raise UsageError(f"A pseudonym is 64 hexadecimal digits, as in user_logins.{column_of(field)}.")
    target = session.target

    def remask(field: str, original: str, version: int) -> str:
        # The custodian does not have the salt, so the masker does this. It counts as one of the masker's values.
        masked = target.call(operations.remask, field=field, normal_value=original, salt_version=version, reason=reason)
        return masked["pseudonym"]

    opener = Opener(target.kms, key or target.settings.require("vault_key"), remask)
    found = target.call(operations.recover, pseudonym=pseudonym, reason=reason, basis=basis.value)
    if found["original"] is None:
        why = "masked before the vault was on, erased, or never seen"
        raise NothingFoundError(f"The vault does not hold it: {why} (audit {found['entry']}).")
    kind, original = opener.open(found["original"], pseudonym)
    if kind != field:
        raise OpsError(f"That is the pseudonym of a {kind}, not of the {field} (audit {found['entry']}).")
    result = {"field": field, "pseudonym": pseudonym, "original": original, "audit_entry": found["entry"]}
    session.output.result(result, lambda: session.output.line(original))


def forget(
    context: typer.Context,
    user_id: Annotated[str, typer.Option(metavar="ID", help="The user, as in user_logins.user_id.")],
    reason: Why,
    archives: Lakes = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Erase a person; asks first.

    The command erases the logins of the person. It also erases the originals and links that no other user has. One
    transaction does this, and writes an audit entry with a keyed hash of the id. Because of this entry, a later restore
    of an older archive leaves the person out.

    Then the command erases the person from archives in Parquet. It looks in the places that the audit table names and
    in the places of --archives, if this machine reaches them. The audit table gets an entry for each place. After an
    interruption, run the command again: it continues. Archives in Parquet need DuckDB: the extra `lake`.

    The command cannot erase the following data, and names it at the end. Messages in the queue become rows later: run
    the command again when the queue is empty. For dead letters, run `dlq purge --user-id ID`, or redrive them and run
    the command again. Some archives cannot be changed, for example archives of earlier formats. The command also does
    not reach backups of the database and copies that other people have made.

    Exit code 4 if nothing of the person was found. The audit table gets the entry also then: it keeps the person out of
    later restores, and proves that the request was handled. Exit code 3 if an archive could not be changed.

    Examples: loginpipe forget --user-id 424c… --reason "request 77" --dry-run
    """
    session: Session = context.obj
    if user_id == "":
        raise UsageError("--user-id must not be empty.")
    target = session.target

    def erase(*, dry_run: bool) -> "tuple[Forgotten, list[Erased]]":
        counts = target.call(operations.forget, user_id=user_id, reason=reason, dry_run=dry_run)
        known = [each["target"] for each in counts["archives"]]
        with session.output.progress("looking through archives", None) as step:
            lakes = erase_in_lakes(
                [*known, *(archives or ())], lambda where: erase_person(where, user_id, dry_run=dry_run, step=step)
            )
        return counts, lakes

    if not dry_run and not yes:
        confirm(f"Erase {_counted(*erase(dry_run=True))} for good?", yes=yes)
    counts, lakes = erase(dry_run=dry_run)
    if not dry_run:
        for lake in lakes:
            target.call(operations.note_erasure, user_id=user_id, counts=note_erased(lake), reason=reason)
    counts["archives"] = not_erased(counts["archives"], lakes)
    queues = find_queues(target)

    def print_lines() -> None:
        session.output.line(f"{'Would erase' if dry_run else 'Erased'} {_counted(counts, lakes)}.")
        session.output.line("These may still hold the person; see forget --help:")
        for line in (*describe_remains(counts["archives"], queues), *describe_errors(lakes)):
            session.output.line(f"- {line}")

    session.output.result({**counts, "lakes": lakes, "queues": queues}, print_lines)
    if any(lake["errors"] for lake in lakes):
        raise typer.Exit(Exit.PROBLEMS)
    if not (counts["logins"] or counts["originals"] or counts["links"] or any(lake["logins"] for lake in lakes)):
        entry = "" if dry_run else " The audit table has the entry."
        raise NothingFoundError(f"Nothing of this person was found.{entry}")


def _counted(counts: "Forgotten", lakes: "list[Erased]") -> str:
    originals = counted(counts["originals"], "sealed original")
    archived = f" and {counted(sum(lake['logins'] for lake in lakes), 'login')} in archives" if lakes else ""
    links = counted(counts["links"], "link")
    return f"{counted(counts['logins'], 'login')}, {originals}{',' if lakes else ' and'} {links}{archived}"
