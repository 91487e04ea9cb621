"""The login event. `Body` is the one table of fields: columns, masking and staging table are derived from it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from lambda_src.fields import read_fields
from lambda_src.normal_forms import app_version_code, normal_ip


class Body(msgspec.Struct, gc=False, kw_only=True, forbid_unknown_fields=True):
    """A message body. Each line declares one field: its type, its limits, and in `extra` how it is stored.

    Types are str, int and bool; an optional field is `… | None = None`. Lengths are in characters. Every integer has to
    fit Postgres's type integer. A field is stored as sent in the column of its name, unless `extra` says otherwise:
    `masked: True` stores its pseudonym in `masked_<name>`. `normal` is the function that gives its normal form.
    `code` is the function that gives the number to store; the text as sent goes to `<name>_name`.

    To add a field, add its line here and a numbered file with its column to `migrations/`: nullable, or with a default.
    Deploy the migration first. `migrate` makes the index of a masked column by itself.
    """

    user_id: Annotated[str, Meta(min_length=1, max_length=128)]
    app_version: Annotated[str, Meta(max_length=64, extra={"code": app_version_code})]
    device_type: Annotated[str, Meta(min_length=1, max_length=32)]
    ip: Annotated[str, Meta(extra={"masked": True, "normal": normal_ip})]
    device_id: Annotated[str, Meta(min_length=1, max_length=256, extra={"masked": True})]
    locale: Annotated[str, Meta(min_length=1, max_length=32)] | None = None


FIELDS = read_fields(Body)
# How a row is stored, in the order of its columns: texts as sent, pseudonyms, then numbers and truth values.
TEXTS = {field.text_column: name for name, field in FIELDS.items() if field.text_column is not None}
MASKED = tuple(name for name, field in FIELDS.items() if field.masked)
NUMBERS = tuple(name for name, field in FIELDS.items() if field.number_type is not None)
# The columns of user_logins that the function writes, in the order of COPY, with their SQL types.
COLUMN_TYPES = (
    {"event_id": "uuid", "create_date": "date", "salt_version": "integer"}
    | dict.fromkeys(TEXTS, "text")
    | {f"masked_{name}": "text" for name in MASKED}
    | {name: FIELDS[name].number_type for name in NUMBERS}
)
COLUMNS = tuple(COLUMN_TYPES)
RESERVED = {"event_id", "sent_timestamp"}  # names that an event may use for its own id and time
if len(COLUMNS) != len(("event_id", "create_date", "salt_version", *TEXTS, *MASKED, *NUMBERS)):
    raise TypeError("Two fields of Body fill one column, or one fills event_id, create_date or salt_version.")
if RESERVED & FIELDS.keys():
    raise TypeError(f"A field of Body cannot have one of the names {sorted(RESERVED)}.")


def normal_form(name: str, value: str) -> str:
    """Returns the normal form of a value of the masked field `name`; raises RecordError."""
    normal = FIELDS[name].normal
    return value if normal is None else normal(value)
