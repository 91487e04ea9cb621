"""The vault: gives out sealed originals for an audit entry, and stores links between salt versions."""

from typing import TypedDict

from ops.operations.audits import write_entry
from ops.operations.site import Site, fetch_one, one_row

UNFOLDED_AT_ONCE = 50_000  # pseudonyms: a second, in which removals wait

ORPHANS_AT_ONCE = 20_000

UNFOLD = "SELECT vault.unfold(%s)"
DROP_ORPHANS = "SELECT originals, links FROM vault.drop_orphans(%s)"
DROP_UNUSED_KEYS = "SELECT vault.drop_unused_keys()"
SEALED_ORIGINAL = "SELECT salt_version, sealed, wrapped, public_key FROM vault.sealed_original(%s)"
SEALED_ORIGINALS = """
    SELECT pseudonym, salt_version, sealed, wrapped, public_key FROM vault.sealed_originals(%s, %s)
"""
LINK = "SELECT vault.link_pseudonyms(%s, %s, %s)"


class Sealed(TypedDict):
    """A sealed original, its wrapped data key and the SHA-256 of the public key, in hex; and its pseudonym's salt."""

    salt_version: int
    sealed: str
    wrapped: str
    public_key: str


class Recovery(TypedDict):
    """The audit entry of a recovery, and the sealed original; None if the vault does not have it."""

    entry: int
    original: Sealed | None


class Linkable(Sealed):
    """A sealed original and its pseudonym."""

    pseudonym: str


class Entry(TypedDict):
    """The number of an audit entry."""

    entry: int


class Linked(TypedDict):
    """The number of new pairs."""

    written: int


def recover(site: Site, *, pseudonym: str, reason: str, basis: str) -> Recovery:
    """Writes the audit entry and commits it; only then hands over the sealed original."""
    entry = write_entry(site, "recover", reason, subject=pseudonym, basis=basis)
    unfold(site)
    found = site.database.rows(SEALED_ORIGINAL, (entry,))
    if not found:
        return {"entry": entry, "original": None}
    return {"entry": entry, "original": _sealed(*found[0])}


def open_link(site: Site, *, old: int, new: int, reason: str) -> Entry:
    """Writes the audit entry that allows reading the sealed originals of one salt version."""
    unfold(site)
    return {"entry": write_entry(site, "link", reason, subject=str(new), salt_version=old)}


def link_page(site: Site, *, entry: int, limit: int) -> list[Linkable]:
    """Returns the next sealed originals of a link; each is given out once per entry."""
    return [
        {"pseudonym": pseudonym, **_sealed(*sealed)}
        for pseudonym, *sealed in site.database.rows(SEALED_ORIGINALS, (entry, limit))
    ]


def link_write(site: Site, *, entry: int, old: list[str], new: list[str]) -> Linked:
    """Stores pairs of pseudonyms of the same original."""
    with site.database.transaction() as cursor:
        cursor.execute(LINK, (entry, old, new))
        (written,) = fetch_one(cursor)
    return {"written": written}


def drop_orphans(site: Site) -> tuple[int, int]:
    """Removes the originals and links of logins that were dropped since the last time; returns how many of each."""
    all_originals = all_links = 0
    originals = links = 1
    while originals + links:
        originals, links = site.database.when_free(one_row(DROP_ORPHANS, (ORPHANS_AT_ONCE,)))
        all_originals += originals
        all_links += links
    if all_originals:
        site.database.when_free(one_row(DROP_UNUSED_KEYS))
    return all_originals, all_links


def unfold(site: Site) -> None:
    """Unfolds the inbox of the vault: the function stores one row per batch there."""
    unfolded = UNFOLDED_AT_ONCE
    while unfolded >= UNFOLDED_AT_ONCE:  # a smaller number means that the inbox was empty
        (unfolded,) = site.database.when_free(one_row(UNFOLD, (UNFOLDED_AT_ONCE,)))


def _sealed(salt_version: int, sealed: bytes, wrapped: bytes, public_key: bytes) -> Sealed:
    return {
        "salt_version": salt_version,
        "sealed": sealed.hex(),
        "wrapped": wrapped.hex(),
        "public_key": public_key.hex(),
    }
