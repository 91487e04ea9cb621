"""The contract on ids and days of events once more, plain and slow. Shares no code with `lambda_src`."""

import datetime
import re
import uuid

from tests.oracle_values import is_storable

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
YEAR_2000, YEAR_10000 = 946_684_800_000, 253_402_300_800_000  # milliseconds
TWO_DAYS = 172_800_000  # milliseconds
MOST_DIGITS = 15  # of a number of milliseconds
Fault = tuple[str, str | None]  # reason and field


def event_uuid(text: str) -> str:
    """The UUID in any of its usual spellings, or else the UUIDv5 of the text."""
    return spelled_uuid(text) or str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def spelled_uuid(text: str) -> str | None:
    """The UUID that the text is in one of its usual spellings."""
    hexadecimal = r"([0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    for spelling in (hexadecimal, rf"\{{{hexadecimal}\}}", f"urn:uuid:{hexadecimal}"):
        if match := re.fullmatch(spelling, text, re.IGNORECASE | re.ASCII):
            return str(uuid.UUID(match[1]))
    return None


def is_placeholder(event_id: str) -> bool:
    """Whether a producer sends this text when it has no id."""
    if event_uuid(event_id) == "00000000-0000-0000-0000-000000000000":
        return True
    return re.fullmatch("|null|none|undefined|nan", event_id.strip(), re.IGNORECASE | re.ASCII) is not None


def faults_of_event_id(event_id: object) -> set[Fault]:
    """Why the id cannot name an event."""
    if not isinstance(event_id, str):
        return {("wrong_type", "event_id")}
    if not is_storable(event_id):
        return {("invalid_text", "event_id")}
    return {("invalid_event_id", "event_id")} if is_placeholder(event_id) else set()


def find_day(own: object, attribute: str | None, received: str | None, faults: set[Fault]) -> datetime.date | None:
    """The date of the event; adds to `faults` why there is none."""
    is_said = own is not None or attribute is not None
    received_at = None if is_said and received is None else _time(received, "SentTimestamp", faults)
    if not is_said:
        sent_at, name = received_at, "SentTimestamp"
    elif own is None:
        sent_at, name = _time(attribute, "sent_timestamp", faults), "sent_timestamp"
    elif type(own) is int:
        sent_at, name = own, "sent_timestamp"
    else:
        faults.add(("wrong_type", "sent_timestamp"))
        return None
    if sent_at is None:
        return None
    is_late = is_said and received_at is not None and sent_at - received_at > TWO_DAYS
    if is_late or not YEAR_2000 <= sent_at < YEAR_10000:
        faults.add(("invalid_timestamp", name))
        return None
    return (EPOCH + datetime.timedelta(milliseconds=sent_at)).date()


def _time(text: str | None, name: str, faults: set[Fault]) -> int | None:
    """The number of milliseconds; adds to `faults` why there is none."""
    if text is None:
        faults.add(("missing_field", name))
    elif not is_storable(text):
        faults.add(("invalid_text", name))
    elif not re.fullmatch("[0-9]+", text):
        faults.add(("wrong_type", name))
    elif len(text) > MOST_DIGITS:
        faults.add(("invalid_timestamp", name))
    else:
        return int(text)
    return None
