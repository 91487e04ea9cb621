"""The masked fields, as operators name them: their options, columns and normal forms."""

from lambda_src.contract import normal_ip
from lambda_src.errors import RecordError
from ops.errors import UsageError

MASKED = ("ip", "device_id")


def column_of(field: str) -> str:
    """The column of `user_logins` with the field's pseudonyms; raises UsageError for any other field."""
    if field not in MASKED:
        raise UsageError(f"{field!r} is no masked field: {', '.join(MASKED)}.")
    return f"masked_{field}"


def normal_form(field: str, value: str) -> str:
    """A value in the form in which it is masked; raises UsageError."""
    if field != "ip":
        return value
    try:
        return normal_ip(value.strip())
    except RecordError:
        raise UsageError("This is no IPv4 or IPv6 address (one with a scope id is not, either).") from None
