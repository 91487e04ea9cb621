"""The masked fields, as operators name them: their columns and normal forms."""

from lambda_src.contract import MASKED
from lambda_src.contract import normal_form as contract_form
from lambda_src.rejects import Reason, RecordError
from ops.errors import UsageError

MEANINGS = {
    Reason.INVALID_IP: "This is not an IPv4 or IPv6 address. An address with a scope id is not accepted either.",
}


def column_of(field: str) -> str:
    """Returns the column of `user_logins` with the field's pseudonyms; raises UsageError if the field is not masked."""
    if field not in MASKED:
        raise UsageError(f"{field!r} is not a masked field: {', '.join(MASKED)}.")
    return f"masked_{field}"


def normal_form(field: str, value: str) -> str:
    """Returns the normal form of a value, which is what gets masked; raises UsageError."""
    column_of(field)
    try:
        return contract_form(field, value)
    except RecordError as error:
        raise UsageError(MEANINGS.get(error.reason, f"This is not a valid {field} ({error.reason}).")) from None
