"""Makes pseudonyms and the row of a login. Pure: the same login and salt give the same row."""

import hashlib
import hmac
from collections.abc import Callable
from operator import attrgetter

import msgspec

from lambda_src.contract import COLUMNS, FIELDS, MASKED, NUMBERS, TEXTS
from lambda_src.parsing import Login

NULL = r"\N"  # as COPY writes it
# Characters that COPY's text format does not read literally: https://www.postgresql.org/docs/current/sql-copy.html
COPY_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

Seal = Callable[[str, str], str]  # takes the text behind a pseudonym and the pseudonym; returns the sealed box

_BLOCK = 64  # bytes, of SHA-256
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_get_texts = attrgetter(*TEXTS.values())  # returns a tuple because there are several columns
_OPTIONAL_TEXTS = tuple(
    place for place, column in enumerate(COLUMNS) if column in TEXTS and not FIELDS[TEXTS[column]].required
)
# A normal form of a stored text could add characters that COPY has to escape. No stored text has one today.
_HAS_NORMAL_TEXTS = any(field.normal is not None and not field.masked for field in FIELDS.values())
_NUMBERS = tuple((name, FIELDS[name].code or FIELDS[name].kind) for name in NUMBERS)


class Salt:
    """The secret key of the pseudonyms, and its version.

    HMAC-SHA-256 as RFC 2104 defines it, from hashlib: the two keyed states and the field's name are the same for every
    value. Copying the states takes a third of the time of `hmac.digest`.
    """

    __slots__ = ("_start_inner", "_start_outer", "fingerprint", "version", "version_text")

    def __init__(self, key: bytes, version: int) -> None:
        if len(key) > _BLOCK:
            key = hashlib.sha256(key).digest()
        key = key.ljust(_BLOCK, b"\0")
        inner = key.translate(_INNER)
        self.version = version
        self.version_text = str(version)
        self._start_inner = {name: hashlib.sha256(inner + name.encode() + b"\0").copy for name in MASKED}
        self._start_outer = hashlib.sha256(key.translate(_OUTER)).copy
        # The fingerprint tells keys apart without revealing them. No field has this name, so it is never a pseudonym.
        self.fingerprint = hmac.new(key, b"salt fingerprint", hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        return f"Salt(version={self.version})"

    def mask(self, name: str, value: str) -> str:
        """Returns the lower-case hex of HMAC-SHA-256 over field name, a zero byte and the value in normal form."""
        inner, outer = self._start_inner[name](), self._start_outer()
        inner.update(value.encode())
        outer.update(inner.digest())
        return outer.hexdigest()


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row of `user_logins` with pseudonyms, as a line for COPY, and the message that carried it."""

    message_id: str
    event_id: str
    create_date: str
    salt_version: int
    line: str  # the cells in the order of COLUMNS, escaped, with a line end
    sealed: tuple[tuple[str, str], ...]  # pseudonyms and their sealed boxes, where the vault is on
    unknown_fields: int
    place: int | None = None  # index of the event in a message that holds several events


def mask_login(login: Login, salt: Salt, seal: Seal | None = None) -> Row:
    """Returns the row of `login` under `salt`; with `seal`, also the sealed originals of its pseudonyms."""
    body = login.body
    cells = [login.event_id, login.create_date, salt.version_text, *_get_texts(body)]
    if login.has_backslash or _HAS_NORMAL_TEXTS:
        cells = [cell and cell.translate(COPY_ESCAPES) for cell in cells]
    for place in _OPTIONAL_TEXTS:
        if cells[place] is None:
            cells[place] = NULL
    sealed: tuple[tuple[str, str], ...] = ()
    for name in MASKED:
        value = getattr(body, name)
        if value is None:
            cells.append(NULL)
            continue
        pseudonym = salt.mask(name, value)
        cells.append(pseudonym)
        if seal is not None:
            sealed += ((pseudonym, seal(f"{name}\0{value}", pseudonym)),)
    for name, to_number in _NUMBERS:
        value = getattr(body, name)
        cells.append(NULL if value is None else str(to_number(value)))
    line = "\t".join(cells) + "\n"
    return Row(
        login.message_id,
        login.event_id,
        login.create_date,
        salt.version,
        line,
        sealed,
        login.unknown_fields,
        login.place,
    )
