"""Texts that mean something to SQL, COPY, JSON, a log or a shell, in every place that a producer can write to."""

import json
import uuid

import pytest

from tests.function import Function
from tests.oracle import expect, expect_all
from tests.salt_parameter import SaltParameter
from tests.scratch import Scratch
from tests.support import NOON, make_body, make_record

TEXTS = (
    "'; DROP TABLE user_logins; --",
    "'); DELETE FROM user_logins; COMMIT; --",
    "' OR '1'='1",
    "$$; DROP TABLE user_logins; $$",
    '"; DROP TABLE user_logins; --',
    "%s %(name)s {0} {name} %",
    "\\'; DROP TABLE user_logins; --",
    "\\.\n\\N\t1",
    "a\tb\nc\rd\\e",
    "\\x41\\101\\u0041",
    "NULL",
    "\\N",
    "{1,2,NULL}",
    "${jndi:ldap://x}",
    "$(reboot) `reboot`",
    "<script>alert(1)</script>",
    "=1+1",
    "\x1b[31mred",
    "\u202eevil\u200b\u2028",
)
COLUMNS = ("user_id", "device_type", "masked_device_id", "locale", "app_version_name", "masked_ip")


@pytest.mark.parametrize("text", TEXTS)
def test_text_in_every_field_is_only_a_text(
    function: Function, database: Scratch, salt: SaltParameter, text: str
) -> None:
    fields = {"user_id": text, "device_type": text[:32], "device_id": text, "locale": text[:32]}
    body = make_body(**fields, app_version=f"1.2.3{text}") | {text: text}
    records = [
        # NULL alone would be a placeholder for an id.
        make_record(body, attributes={"event_id": f"{text}1", "sent_timestamp": str(NOON), "other": text}),
        make_record(make_body(ip=text)),  # rejected
        make_record(make_body(app_version=text)),  # rejected
        make_record(text),  # rejected, each line as an event of its own
        make_record(),
    ]
    assert function(*records) == [record["messageId"] for record in records[1:4]]
    expected = [expect(record, salt.key, salt.version).row for record in (records[0], records[4])]
    found = database.query(f"SELECT {', '.join(COLUMNS)} FROM user_logins")
    assert sorted(found) == sorted(tuple(row[name] for name in COLUMNS) for row in expected if row is not None)
    assert database.count("rejected_logins") == 2 + len(expect_all(records[3], salt.key, salt.version))


@pytest.mark.parametrize("text", TEXTS[:7])
def test_text_as_a_message_id_is_only_a_text(function: Function, database: Scratch, text: str) -> None:
    assert function(make_record("{", message_id=text), make_record(message_id=text + "2")) == [text]
    assert database.query("SELECT message_id FROM rejected_logins") == [(text,)]
    assert database.query("SELECT event_id FROM user_logins") == [(str(uuid.uuid5(uuid.NAMESPACE_URL, text + "2")),)]


def test_text_that_is_no_line_of_a_log(function: Function) -> None:
    forged = 'x"}\n{"level":"INFO","message":"batch written","RecordsWritten":99'
    function(make_record(json.dumps(make_body(ip=forged)), attributes={"event_id": forged}), make_record(forged))
    output = function.read_output()  # reads each line as JSON
    assert [line["RecordsWritten"] for line in output.lines("batch written")] == [[0]]
