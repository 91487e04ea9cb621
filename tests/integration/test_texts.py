"""Texts with a special meaning for COPY, SQL or a terminal are stored exactly."""

import pytest

from tests.function import Function
from tests.integration.expected import COLUMNS, expected_rows
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import make_body, make_record

TEXTS = [
    "\t",
    "\n",
    "\r\n",
    "\\",
    "\\N",
    "\\.",
    "\\t",
    "a\tb\\\nc",
    "\x01\x1f\x7f\x0b\x0c\x1c\x85\u2028",
    '"',
    "'; DROP TABLE user_logins; --",
    "%s %(x)s {} $1",
    "\N{GRINNING FACE}",
    "e\u0301é\ufeff\u200b",
    "NULL",
    " ",
]


def test_each_text_is_stored_exactly(function: Function, database: Scratch, salt: SaltParameter) -> None:
    records = [
        make_record(make_body(**{name: text, "app_version": f"2.3.0{text}"}))
        for name in ("user_id", "device_type", "locale", "device_id")
        for text in TEXTS
    ]
    assert function(*records) == []
    assert database.rows(COLUMNS) == expected_rows(records, salt)
    assert function(*records) == []  # the same through the staging table
    assert database.rows(COLUMNS) == expected_rows(records, salt)
    database.execute("TRUNCATE user_logins")
    assert function(*records, *records) == []
    assert database.rows(COLUMNS) == expected_rows(records, salt)


@pytest.mark.parametrize(
    "text", ["\\", "\\b", "\\.", "\\N", "a\tb", "a\nb", "a\rb", "\t\n\r\\", "\v\f\b\x1b", "\x7f\x85\u2028"]
)
def test_text_that_means_something_to_copy(function: Function, database: Scratch, text: str) -> None:
    """Each text is alone in its batch, so no other text causes the escapes. Then it is written again, by a merge."""
    record = make_record(user_id=text, device_type=text, locale=text, app_version="1" + text)
    assert function(record) == []
    assert function(record, make_record(user_id=text, locale=None)) == []
    row = (text, text, text, "1" + text)
    assert database.rows("user_id, device_type, locale, app_version_name")[0] == row
    assert database.count() == 2
