"""Rejects: records that do not become rows, and the reasons."""

from enum import StrEnum
from typing import NamedTuple

from lambda_src.errors import PipelineError


class Reason(StrEnum):
    """The reasons, as in `rejected_logins.reason` and in the metrics dimension `reason`."""

    INVALID_JSON = "invalid_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    OUT_OF_RANGE = "out_of_range"
    INVALID_IP = "invalid_ip"
    INVALID_APP_VERSION = "invalid_app_version"
    INVALID_TEXT = "invalid_text"
    INVALID_TIMESTAMP = "invalid_timestamp"
    INVALID_EVENT_ID = "invalid_event_id"
    INVALID_ENVELOPE = "invalid_envelope"
    ENVELOPED = "enveloped"
    DATABASE = "database"
    UNEXPECTED = "unexpected"


class Reject(NamedTuple):
    """A record that does not become a row. Names the failed field, and holds no value of the record."""

    message_id: str
    event_id: str
    reason: Reason
    field: str | None
    place: int | None = None  # index of the event in a message with several events


class RecordError(PipelineError):
    """A record breaks the contract."""

    def __init__(self, reason: Reason, field: str | None = None) -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field
