"""A dead letter as a row of a list."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lambda_src.errors import PipelineError
from ops.times import format_time

if TYPE_CHECKING:
    from ops.commands.common import Session
    from ops.dead_letters import Reader
    from ops.letters import Letter


def find_reasons(
    session: "Session", reader: "Reader", letters: "list[Letter]"
) -> dict[str, tuple[str | None, str | None]]:
    """Returns the available reasons. A list is still useful without them."""
    if session.target.has_database:
        try:
            return reader.find_reasons_of(letters)
        except PipelineError as error:
            session.output.note(f"Reasons that only the database knows are missing: {error}")
    return {letter.message_id: (letter.reason, letter.field) for letter in letters}


def describe_letters(
    same: "list[Letter]", reasons: dict[str, tuple[str | None, str | None]], *, show: bool
) -> dict[str, Any]:
    """Returns the row of one event; its dead letters are several deliveries of the same event."""
    first = min(same, key=lambda letter: letter.sent_timestamp)
    reason, field = reasons[first.message_id]
    sent = first.sent_seconds
    row: dict[str, Any] = {
        "event_id": first.event_id,
        "message_id": first.first_message_id,
        "reason": reason,
        "field": field,
        "sent": format_time(datetime.fromtimestamp(sent, UTC)),
        "age_seconds": max(0.0, round(time.time() - sent, 1)),
        "receive_count": max(letter.receive_count for letter in same),
        "letters": len(same),
    }
    return row | ({"body": first.message["Body"]} if show else {})
