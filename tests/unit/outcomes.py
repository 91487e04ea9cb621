"""What the function makes of messages, up to the line for COPY, held against the oracle."""

import datetime
from collections.abc import Sequence
from typing import Any

from lambda_src.contract import COLUMNS
from lambda_src.masking import Row, Salt
from lambda_src.parsing import Login, parse_event
from lambda_src.records import make_records
from lambda_src.rejects import Reject
from lambda_src.sqs import make_event
from lambda_src.unpacking import unpack
from tests.oracle import Expected, expect_all
from tests.support import RULES, Record, make_record
from tests.unit.copy_text import read_copy_lines

KEY = bytes(range(32))
SALT = Salt(KEY, 7)
MESSAGE_ID = "0b1e7a5c-9c1f-4b0e-8a53-0f1d2c3b4a59"

Outcome = dict[str, Any] | tuple[str, str | None]  # cells with the count of unknown fields, or reason and field


def records_of(*messages: Record) -> list[Row | Reject]:
    """The rows and rejects that the function makes of a batch."""
    return list(make_records(unpack(messages, None), SALT))


def outcome(message: Record) -> Outcome:
    """What becomes of one message."""
    (record,) = records_of(message)
    assert record.message_id == message["messageId"]
    return as_outcome(record)


def as_outcome(record: Row | Reject, columns: Sequence[str] = COLUMNS) -> Outcome:
    """Reason and field of a reject, or the cells as an independent reader of COPY's text finds them."""
    if isinstance(record, Reject):
        return record.reason.value, record.field
    (cells,) = read_copy_lines(record.line)
    return dict(zip(columns, cells, strict=True)) | {"unknown_fields": record.unknown_fields}


def assert_agrees(got: Outcome, expected: Expected) -> None:
    """The outcome is what the oracle expects."""
    if expected.row is None:
        assert got in expected.faults
    else:
        cells = {name: _as_text(value) for name, value in expected.row.items()}
        assert got == cells | {"unknown_fields": expected.unknown_fields}


def assert_as_expected(message: Record) -> None:
    """The function and the oracle agree on `message`, alone and among others."""
    alone = records_of(message)
    for record, expected in zip(alone, expect_all(message, KEY, SALT.version, RULES), strict=True):
        assert_agrees(as_outcome(record), expected)
    assert records_of(make_record(), message, make_record())[1:-1] == alone


def reject_of(**changes: Any) -> tuple[str, str | None]:
    """Reason and field for a message that `changes` spoil, on which the oracle must agree."""
    message = make_record(**changes)
    assert_as_expected(message)
    result = outcome(message)
    assert isinstance(result, tuple)
    return result


def row_of(**changes: Any) -> dict[str, Any]:
    """The cells of the row that a valid message becomes, on which the oracle must agree."""
    message = make_record(**changes)
    assert_as_expected(message)
    result = outcome(message)
    assert isinstance(result, dict)
    return result


def login_of(**changes: Any) -> Login:
    """The login in a valid message, on which the oracle must agree."""
    message = make_record(**changes)
    assert_as_expected(message)
    return parse_event(make_event(message))


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime.date) else str(value)
