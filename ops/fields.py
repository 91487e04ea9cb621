"""The masked fields, as operators name them: their columns and normal forms."""

from lambda_src.contract import MASKED
from lambda_src.contract import normal_form as contract_form
from lambda_src.rejects import RecordError
from ops.errors import UsageError


def column_of(field: str) -> str:
    """The column of `user_logins` with the field's pseudonyms; raises UsageError for any other field."""
    if field not in MASKED:
        raise UsageError(f"{field!r} is not a masked field: {', '.join(MASKED)}.")
    return f"masked_{field}"


def normal_form(field: str, value: str) -> str:
    """A value in the form in which it is masked; raises UsageError."""
    column_of(field)
    try:
        return contract_form(field, value)
    except RecordError as error:
        raise UsageError(f"This is not a valid {field} ({error.reason}).") from None
