"""Why events are rejected."""

from docs_tools.markdown import code, table
from lambda_src.envelopes import HINTS
from lambda_src.rejects import Reason

MEANINGS = {
    Reason.INVALID_JSON: ("The body, or a line of it, is not valid JSON.", "Send one JSON object per event."),
    Reason.NOT_AN_OBJECT: ("The event is JSON, but not an object.", "Send an object with the contract's fields."),
    Reason.MISSING_FIELD: ("A required field is absent.", "Add the field."),
    Reason.WRONG_TYPE: ("A field has another JSON type.", "Compare the field with the table of fields."),
    Reason.EMPTY: ("A text is empty.", "Send at least one character, or leave an optional field out."),
    Reason.TOO_LONG: ("A text has too many characters.", "Shorten it: nothing is cut off."),
    Reason.OUT_OF_RANGE: ("A number is too small or too large.", "Send a number within the limits."),
    Reason.INVALID_IP: ("`ip` is not an IP address.", "Send one address without port, mask or scope id."),
    Reason.INVALID_APP_VERSION: (
        "`app_version` does not begin with a number, or a part is above its limit.",
        "Send `2`, `2.3` or `2.3.0`; minor and patch are at most 999.",
    ),
    Reason.INVALID_TEXT: ("A text holds NUL or half of a surrogate pair.", "Send valid Unicode text."),
    Reason.INVALID_TIMESTAMP: (
        "The event's time is before 2000, or more than two days after SQS received the message.",
        "Send milliseconds since 1970, and check the producer's clock.",
    ),
    Reason.INVALID_EVENT_ID: (
        "`event_id` is a placeholder: blank, `null`, `none`, `undefined`, `nan` or the nil UUID.",
        "Send an id of the event's own, or none.",
    ),
    Reason.INVALID_ENVELOPE: (
        "The body does not have the envelope that `ENVELOPE` names.",
        "Correct `ENVELOPE`, or how the queue is subscribed.",
    ),
    Reason.ENVELOPED: (
        f"`ENVELOPE` is `none`, and the body is one of these: {', '.join(sorted(HINTS))}.",
        "The function's log line says what to set.",
    ),
    Reason.DATABASE: ("Postgres refused the row's data.", "Look at the triggers and the encoding of the database."),
    Reason.UNEXPECTED: ("The function has a defect.", "Report it, with the function's log lines."),
}


def reasons() -> str:
    """One row a reason: what it means, and what a producer does about it."""
    return table(("reason", "meaning", "what to do"), ((code(reason), *MEANINGS[reason]) for reason in Reason))
