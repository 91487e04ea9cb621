"""Each rule of the contract, against the oracle and against examples worked out by hand."""

import gc
import ipaddress
import json
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambda_src.contract import (
    Logins,
    Reason,
    Reject,
    app_version_code,
    event_key,
    normal_event_id,
    normal_ip,
    parse_records,
)
from lambda_src.errors import PipelineError, RecordError
from lambda_src.handler import Batch
from lambda_src.masking import MaskedLogins, Salt, mask_logins
from tests.oracle import TEXT_FIELDS, event_uuid, expect, is_storable, version_code
from tests.support import ABSENT, NOON_DATE, Record, make_body, make_record

KEY = bytes(range(32))
MESSAGE_ID = "0b1e7a5c-9c1f-4b0e-8a53-0f1d2c3b4a59"
MIDNIGHT = 1_700_006_400_000  # 2023-11-15 00:00 UTC

hypothesis_quick = settings(max_examples=150, deadline=None)


Outcome = dict[str, Any] | tuple[str, str | None]


def only(columns: Logins | MaskedLogins) -> SimpleNamespace:
    """The one login in `columns`."""
    values = {name.removesuffix("s"): column for name, column in columns._asdict().items() if isinstance(column, list)}
    return SimpleNamespace(**{name: value for name, (value,) in values.items()})


def fault_of(record: Record) -> Reject | None:
    """What is wrong with `record`."""
    _, rejects = parse_records([record])
    return rejects[0] if rejects else None


def logins_of(*records: Record) -> Logins:
    """The logins of valid records."""
    logins, rejects = parse_records(records)
    assert rejects == []
    return logins


def outcome(record: Record) -> Outcome:
    """The row that the function makes of `record` (with the count of unknown fields), or the reason and field."""
    if fault := fault_of(record):
        assert fault.message_id == record["messageId"]
        return fault.reason.value, fault.field
    logins = logins_of(record)
    return as_outcome(mask_logins(logins, Salt(KEY, 7)), record, logins.unknown_fields)


def outcome_among_others(record: Record) -> Outcome:
    """The same of `record` in a batch with good ones."""
    batch = Batch([make_record(), record, make_record()])
    rows = [rows for rows in batch.mask(Salt(KEY, 7)) for rows in each_of(rows)]
    assert len(rows) + len(batch.rejects) == 3
    if batch.rejects:
        (fault,) = batch.rejects
        assert fault.message_id == record["messageId"]
        return fault.reason.value, fault.field
    (row,) = [row for row in rows if row.message_ids == [record["messageId"]]]
    return as_outcome(row, record, batch.unknown_fields)


def each_of(rows: MaskedLogins) -> list[MaskedLogins]:
    """Each row by itself."""
    return [MaskedLogins(*[[value] for value in row]) for row in zip(*rows, strict=True)]


def as_outcome(rows: MaskedLogins, record: Record, unknown_fields: int) -> dict[str, Any]:
    """The one row of `rows`, with values as Postgres has them."""
    row = vars(only(rows))
    assert row.pop("message_id") == record["messageId"]
    return row | {
        "app_version": int(row["app_version"]),
        "salt_version": int(row["salt_version"]),
        "locale": row["locale"] or None,
        "unknown_fields": unknown_fields,
    }


def assert_as_expected(record: Record) -> None:
    """The function and the oracle agree on `record`."""
    expected = expect(record, KEY, 7)
    got = outcome(record)
    assert outcome_among_others(record) == got
    if expected.row is None:
        assert got in expected.faults
    else:
        create_date = expected.row["create_date"].isoformat()
        assert got == expected.row | {"create_date": create_date, "unknown_fields": expected.unknown_fields}


def reject_of(**changes: Any) -> tuple[str, str | None]:
    """Reason and field for a record that `changes` spoil, on which the oracle must agree."""
    record = make_record(**changes)
    assert_as_expected(record)
    result = outcome(record)
    assert isinstance(result, tuple)
    return result


def event_of(**changes: Any) -> SimpleNamespace:
    """The event in a valid record, on which the oracle must agree."""
    record = make_record(**changes)
    assert_as_expected(record)
    return only(logins_of(record))


# ---- the body ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        "{]",
        "login",
        "{'ip': 1}",
        '{"ip": "1.2.3.4",}',
        '{"ip": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": "\x00"}',
        '{"a": "\x1f"}',
        '{"a": "line\nfeed"}',
        '{"a": "\\x41"}',
        '{"a": "\\u12"}',
        '{"a": 01}',
        "\ufeff{}",
        "{} {}",
        json.dumps(make_body()) + "x",
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_body_that_is_no_json(body: str) -> None:
    assert reject_of(body=body) == ("invalid_json", None)


@pytest.mark.parametrize("body", [None, b"{}", {}, 5], ids=repr)
def test_body_that_is_no_text(body: object) -> None:
    assert outcome(make_record() | {"body": body}) == ("invalid_json", None)


def test_record_without_body() -> None:
    record = make_record()
    del record["body"]
    assert outcome(record) == ("invalid_json", None)


@pytest.mark.parametrize("body", ["null", "true", "17", "1e400", '"text"', "[]", "[{}]", '"\\ud800"', "9" * 5000])
def test_body_that_is_no_object(body: str) -> None:
    assert reject_of(body=body) == ("not_an_object", None)


@pytest.mark.parametrize("white", [" ", "\n", "\r\n", "\t", "   \n"])
def test_white_space_around_the_body_is_json(white: str) -> None:
    assert event_of(body=white + json.dumps(make_body(), indent=1) + white).user_id == make_body()["user_id"]


def test_fields_are_taken_as_sent() -> None:
    event = event_of(message_id=MESSAGE_ID)
    assert vars(event) == {
        "message_id": MESSAGE_ID,
        "event_id": MESSAGE_ID,
        "create_date": NOON_DATE,
        "user_id": "424cdd21-063a-43a7-b91b-7ca1a833afae",
        "device_type": "android",
        "ip": "199.172.111.135",
        "device_id": "593-47-5928",
        "locale": "RU",
        "app_version": 2_003_000,
        "app_version_name": "2.3.0",
    }


@pytest.mark.parametrize("field", TEXT_FIELDS)
@pytest.mark.parametrize("value", [None, 0, 1.5, True, [], ["x"], {}, {"x": "y"}], ids=repr)
def test_field_of_another_type(field: str, value: object) -> None:
    if field == "locale" and value is None:
        assert event_of(locale=None).locale is None
    else:
        assert reject_of(**{field: value}) == ("wrong_type", field)


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_field_left_out(field: str) -> None:
    if field == "locale":
        assert event_of(locale=ABSENT).locale is None
    else:
        assert reject_of(**{field: ABSENT}) == ("missing_field", field)


@pytest.mark.parametrize("letter", ["x", "é", "\N{GRINNING FACE}", '"', "\\"])
@pytest.mark.parametrize("field", ["user_id", "device_type", "device_id", "locale"])
def test_lengths_count_characters(field: str, letter: str) -> None:
    shortest, longest = TEXT_FIELDS[field]
    assert longest is not None
    for length in (shortest, longest):
        assert getattr(event_of(**{field: letter * length}), field) == letter * length
    assert reject_of(**{field: letter * (longest + 1)}) == ("too_long", field)
    assert reject_of(**{field: ""}) == ("empty", field)


@pytest.mark.parametrize(("tail", "is_valid"), [(62, True), (63, False)])
def test_length_of_app_version(tail: int, *, is_valid: bool) -> None:
    version = "2-" + "\N{GRINNING FACE}" * tail
    assert isinstance(outcome(make_record(app_version=version)), dict) is is_valid
    assert_as_expected(make_record(app_version=version))


@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "raw"])
@pytest.mark.parametrize("unstorable", ["\0", "\ud800", "\udc00\ud800"], ids=ascii)
@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_text_that_postgres_cannot_hold(field: str, unstorable: str, *, escaped: bool) -> None:
    value = make_body()[field] + unstorable
    raw = json.dumps(make_body(**{field: value}), ensure_ascii=escaped)
    assert_as_expected(make_record(body=raw))
    assert outcome(make_record(body=raw)) == ("invalid_text", field)


@pytest.mark.parametrize("field", ["user_id", "device_type", "device_id", "locale"])
@pytest.mark.parametrize(
    "text", ["\t\n\r", "\\N", "\\.", "a\u2028b", "\x7f", "\ufeff", '"', "\N{GRINNING FACE}", "é", "e\u0301"]
)
def test_any_other_text_is_kept(field: str, text: str) -> None:
    for ensure_ascii in (True, False):
        body = json.dumps(make_body(**{field: text}), ensure_ascii=ensure_ascii)
        assert getattr(event_of(body=body), field) == text


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [('"one"', '"two"', "two"), ("1", '"two"', "two"), ('"one"', "null", "wrong_type"), ('"one"', '""', "empty")],
)
def test_of_a_field_given_twice_the_last_one_holds(first: str, second: str, expected: str) -> None:
    body = json.dumps(make_body(user_id=ABSENT))[:-1] + f', "user_id": {first}, "user_id": {second}}}'
    assert_as_expected(make_record(body=body))
    got = outcome(make_record(body=body))
    assert (got["user_id"] if isinstance(got, dict) else got[0]) == expected


@pytest.mark.parametrize(
    ("extra", "count"),
    [
        ("", 0),
        (', "x": null', 1),
        (', "x": 1, "y": 2', 2),
        (', "x": 1, "x": 2', 1),
        (', "x": {"ip": "1.1.1.1", "q": "\\"", "r": {"s": "t"}}', 1),
        (', "x": ["a", "b", "c"], "": "", "IP": "1.1.1.1"', 3),
        (', "\\u0078": 1, "x": 2', 1),
        (', "\\u0069p": "1.2.3.4"', 0),
        (', "user_id": "again"', 0),
        (', "user_id": "again", "x": 1e400', 1),
        (f', "x": {"9" * 5000}', 1),
        (', "x": "\\ud800\\u0000"', 1),
    ],
)
@pytest.mark.parametrize("locale", ["RU", None, ABSENT], ids=["text", "null", "absent"])
def test_unknown_fields_are_counted_and_ignored(locale: object, extra: str, count: int) -> None:
    record = make_record(body=json.dumps(make_body(locale=locale))[:-1] + extra + "}")
    assert_as_expected(record)
    assert logins_of(record).unknown_fields == count
    assert logins_of(record, make_record(), record).unknown_fields == 2 * count


# ---- ip ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("199.172.111.135", "199.172.111.135"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104
        ("255.255.255.255", "255.255.255.255"),
        ("127.0.0.1", "127.0.0.1"),
        ("239.1.2.3", "239.1.2.3"),
        ("241.9.8.7", "241.9.8.7"),
        ("::", "::"),
        ("::1", "::1"),
        ("2001:DB8::A", "2001:db8::a"),
        ("2001:0db8:0000:0000:0000:0000:0000:000a", "2001:db8::a"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8::192.168.0.1", "2001:db8::c0a8:1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::FFFF:0102:0304", "1.2.3.4"),
        ("0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"),
        ("::1.2.3.4", "::102:304"),
        ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
        ("fe80::1", "fe80::1"),
    ],
)
def test_normal_form_of_ip(text: str, normal: str) -> None:
    assert event_of(ip=text).ip == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.-4",
        "1.2.3.04",
        "01.2.3.4",
        "1.2.3.0x4",
        "1..3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4\n",
        "1.2.3.4/32",
        "1.2.3.4:80",
        "16909060",
        "0x01020304",
        "١.٢.٣.٤",
        "1.2.3.４",
        "1。2。3。4",
        ":::",
        "1::2::3",
        "12345::",
        "2001:db8::1/64",
        "[::1]",
        "::1\n",
        " ::1",
        "fe80::1%eth0",
        "fe80::1%",
        "::ffff:1.2.3.4%1",
        "::ffff:1.2.3.04",
        "::ffff:1.2.3.256",
        "localhost",
        "1.2.3.4" * 1000,
    ],
)
def test_ip_that_is_none(text: str) -> None:
    assert reject_of(ip=text) == ("invalid_ip", "ip")


@hypothesis_quick
@given(st.ip_addresses(v=4))
def test_all_spellings_of_an_ipv4_are_one(address: ipaddress.IPv4Address) -> None:
    low, high = int(address) & 0xFFFF, int(address) >> 16
    spellings = (f"{address}", f"::ffff:{address}", f"::FFFF:{high:x}:{low:x}", f"0:0:0:0:0:ffff:{high:04X}:{low:04x}")
    assert {normal_ip(text) for text in spellings} == {str(address)}


@hypothesis_quick
@given(st.ip_addresses(v=6), st.booleans())
def test_all_spellings_of_an_ipv6_are_one(address: ipaddress.IPv6Address, upper: bool) -> None:
    spellings = {address.compressed, address.exploded, address.exploded.replace(":0", ":")}
    for text in (address.compressed, address.exploded):
        assert normal_ip(text.upper() if upper else text) == str(address.ipv4_mapped or address)
    assert spellings


@hypothesis_quick
@given(st.text(alphabet="0123456789abcfF.:%/ x\n٣", max_size=24))
@example("1.2.3.4")
@example("::ffff:127.0.0.1")
def test_ip_of_any_text(text: str) -> None:
    assert_as_expected(make_record(ip=text))


# ---- app_version -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0", 0),
        ("2", 2_000_000),
        ("2.3", 2_003_000),
        ("2.3.0", 2_003_000),
        ("2.3.0-beta.1", 2_003_000),
        ("2.3-beta.9", 2_003_000),
        ("2.3.4.5", 2_003_004),
        ("2.", 2_000_000),
        ("2.x", 2_000_000),
        ("2.3.", 2_003_000),
        ("2 (build 7)", 2_000_000),
        ("0.26", 26_000),
        ("0.2.6", 2_006),
        ("10.999.999", 10_999_999),
        ("2147", 2_147_000_000),
        ("2147.483.647", 2_147_483_647),
        ("007.08.009", 7_008_009),
        ("2.٣", 2_000_000),
        ("0" * 63 + "1", 1_000_000),
    ],
)
def test_code_of_app_version(text: str, code: int) -> None:
    event = event_of(app_version=text)
    assert (event.app_version, event.app_version_name) == (code, text)


@pytest.mark.parametrize(
    "text",
    ["", " 2.3", "v2.3", "-1", "+1", ".2", "beta", "٢.٣", "²", "2.1000", "2.3.1000", "2147.483.648", "2148", "9" * 64],
)
def test_app_version_that_is_none(text: str) -> None:
    assert reject_of(app_version=text) == ("invalid_app_version", "app_version")


part = st.integers(min_value=0, max_value=999)
version = st.tuples(st.integers(min_value=0, max_value=2146), part, part)


def spell(parts: tuple[int, int, int], count: int) -> str:
    """The version with `count` parts, those after it being zero."""
    return ".".join(str(part) for part in parts[:count])


@hypothesis_quick
@given(version, version)
def test_codes_sort_as_versions_and_never_meet(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    codes = app_version_code(spell(one, 3)), app_version_code(spell(other, 3))
    assert (codes[0] < codes[1]) is (one < other)
    assert (codes[0] == codes[1]) is (one == other)


@hypothesis_quick
@given(version)
def test_parts_left_out_are_zero(parts: tuple[int, int, int]) -> None:
    major, minor, _ = parts
    assert app_version_code(spell(parts, 1)) == app_version_code(f"{major}.0.0")
    assert app_version_code(spell(parts, 2)) == app_version_code(f"{major}.{minor}.0")


@hypothesis_quick
@given(st.one_of(st.text(alphabet="0123456789.-x٣", max_size=16), st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,4}){0,3}.?")))
@example("2147.483.647")
def test_app_version_of_any_text(text: str) -> None:
    try:
        expected = version_code(text)
    except ValueError:
        with pytest.raises(RecordError) as caught:
            app_version_code(text)
        assert (caught.value.reason, caught.value.field) == ("invalid_app_version", "app_version")
    else:
        assert app_version_code(text) == expected


# ---- create_date -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        (0, "1970-01-01"),
        (MIDNIGHT - 1, "2023-11-14"),
        (MIDNIGHT, "2023-11-15"),
        (MIDNIGHT + 86_399_999, "2023-11-15"),
        (MIDNIGHT + 86_400_000, "2023-11-16"),
        (1_709_164_800_000, "2024-02-29"),
        (253_402_300_799_999, "9999-12-31"),
    ],
)
def test_create_date_is_the_utc_day(sent: int, day: str) -> None:
    assert event_of(sent=sent).create_date == day
    assert event_of(sent=NOON_DATE, attributes={"sent_timestamp": str(sent)}).create_date == day
    assert event_of(sent=ABSENT, attributes={"sent_timestamp": str(sent)}).create_date == day


@pytest.mark.parametrize("sent", ["", "x", "1.5", "2023-11-15", "nan", "253402300800000", "9" * 30, "9" * 5000, "-1"])
def test_time_of_sending_that_is_none(sent: str) -> None:
    assert reject_of(sent=sent) == ("wrong_type", "SentTimestamp")
    assert reject_of(attributes={"sent_timestamp": sent}) == ("wrong_type", "sent_timestamp")


def test_no_time_of_sending() -> None:
    assert reject_of(sent=ABSENT) == ("missing_field", "SentTimestamp")


@pytest.mark.parametrize("attributes", [None, {}, [], [1], "text", 5], ids=repr)
def test_system_attributes_of_another_shape(attributes: object) -> None:
    record = make_record() | {"attributes": attributes}
    fault = fault_of(record)
    assert fault is not None
    assert fault.field == "SentTimestamp"
    assert outcome_among_others(record) == outcome(record)


# ---- event_id ----------------------------------------------------------------------------------------------------

CANONICAL = "c9a646d3-9c61-4cb7-bfcd-ee2522c8f633"


@pytest.mark.parametrize(
    "text",
    [
        CANONICAL,
        CANONICAL.upper(),
        CANONICAL.replace("-", ""),
        CANONICAL.replace("-", "").upper(),
        f"{{{CANONICAL}}}",
        f"urn:uuid:{CANONICAL}",
        f"URN:UUID:{CANONICAL.upper()}",
    ],
)
def test_uuid_in_any_spelling_is_one_event(text: str) -> None:
    assert event_of(attributes={"event_id": text}).event_id == CANONICAL
    assert event_of(message_id=text).event_id == CANONICAL


@pytest.mark.parametrize(
    "text",
    [
        "order 17",
        "https://example.com/events/17",
        CANONICAL[:-1],
        CANONICAL + "0",
        f" {CANONICAL}",
        "é \N{GRINNING FACE}",
    ],
)
def test_text_that_is_no_uuid_becomes_its_uuid5(text: str) -> None:
    assert event_of(attributes={"event_id": text}).event_id == str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def test_uuid5_by_a_known_vector() -> None:
    assert normal_event_id("http://www.example.com/") == "fcde3c85-2270-590f-9e7c-ee003d65e0e2"


def test_event_id_attribute_goes_before_the_message_id() -> None:
    assert event_of(message_id=MESSAGE_ID).event_id == MESSAGE_ID
    assert event_of(message_id=MESSAGE_ID, attributes={"event_id": CANONICAL}).event_id == CANONICAL
    assert event_of(message_id=MESSAGE_ID, attributes={"event_id": ""}).event_id == MESSAGE_ID


@pytest.mark.parametrize("name", ["event_id", "sent_timestamp"])
@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=ascii)
def test_attribute_that_postgres_cannot_hold(name: str, text: str) -> None:
    assert reject_of(attributes={name: text}) == ("invalid_text", name)


@pytest.mark.parametrize("name", ["event_id", "sent_timestamp"])
@pytest.mark.parametrize("value", [5, "text", [], {}, {"binaryValue": "AA=="}, {"stringValue": 5}, None], ids=repr)
def test_attribute_of_another_shape(name: str, value: object) -> None:
    record = make_record(message_id=MESSAGE_ID) | {"messageAttributes": {name: value}}
    assert outcome(record) == ("wrong_type", name)
    assert outcome_among_others(record) == ("wrong_type", name)
    fault = fault_of(record)
    assert fault is not None
    assert fault.event_id == MESSAGE_ID
    assert event_key(record) == MESSAGE_ID


@pytest.mark.parametrize("attributes", [None, {}, {"other": {"stringValue": "x"}}], ids=repr)
def test_record_without_our_attributes(attributes: object) -> None:
    event = only(logins_of(make_record(message_id=MESSAGE_ID) | {"messageAttributes": attributes}))
    assert (event.event_id, event.create_date) == (MESSAGE_ID, NOON_DATE)


def test_reject_names_the_event_and_never_a_value() -> None:
    fault = fault_of(make_record(message_id=MESSAGE_ID, attributes={"event_id": CANONICAL}, ip="secret"))
    assert fault == Reject(MESSAGE_ID, CANONICAL, Reason.INVALID_IP, "ip")


@hypothesis_quick
@given(st.text(min_size=1).filter(is_storable))
def test_event_id_of_any_text(text: str) -> None:
    assert normal_event_id(text) == event_uuid(text)


# ---- many at once ------------------------------------------------------------------------------------------------

LOGIN = json.dumps(make_body())


@pytest.mark.parametrize(
    "bodies",
    [
        [LOGIN[:40], LOGIN[40:]],
        [LOGIN[:40], LOGIN[40:], f"{LOGIN}\n{LOGIN}"],
        [f"{LOGIN}\n{LOGIN}", ""],
        [f"{LOGIN}\n{LOGIN[:40]}", LOGIN[40:]],
        [f"{LOGIN} {LOGIN}", LOGIN],
        ["", "\n", " ", LOGIN],
        [LOGIN, LOGIN + "]", "[" + LOGIN],
        [json.dumps(make_body(device_id="one"), indent=1), json.dumps(make_body(device_id="two")), LOGIN[:-1], "}"],
        [json.dumps(make_body(device_id="é\u2028\x85\v\f"), ensure_ascii=False), LOGIN + "\r", LOGIN + "\u2028"],
    ],
    ids=range(9),
)
def test_bodies_that_could_run_into_each_other(bodies: list[str]) -> None:
    records = [make_record(body=body, message_id=str(uuid.UUID(int=at))) for at, body in enumerate(bodies)]
    batch = Batch(records)
    rows = {row.message_ids[0]: row for rows in batch.mask(Salt(KEY, 7)) for row in each_of(rows)}
    faults = {fault.message_id: fault for fault in batch.rejects}
    assert len(rows) + len(faults) == len(records)
    for record in records:
        message_id = record["messageId"]
        assert_as_expected(record)
        if fault := fault_of(record):
            assert faults[message_id] == fault
        else:
            assert rows[message_id] == mask_logins(logins_of(record), Salt(KEY, 7))


def test_no_error_of_a_reject_stays_in_memory() -> None:
    """An error holds on to the frames that it went through, with the values in them."""
    gc.collect()
    gc.disable()
    try:
        parse_records([make_record(), make_record(ip="secret"), make_record("{"), make_record(app_version="x")])
        assert [thing for thing in gc.get_objects() if isinstance(thing, PipelineError)] == []
    finally:
        gc.enable()


def test_one_text_less_and_one_more_are_no_two_uuids() -> None:
    shifted = [CANONICAL + MESSAGE_ID[:1], MESSAGE_ID[1:]]
    logins = logins_of(*[make_record(message_id=text) for text in shifted])
    assert logins.event_ids == [event_uuid(text) for text in shifted]


# ---- anything at all ---------------------------------------------------------------------------------------------

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)
any_field = st.sampled_from(list(TEXT_FIELDS))
near_bodies = st.builds(
    lambda changes, extra, absent: {
        name: value for name, value in (make_body(**changes) | extra).items() if name not in absent
    },
    st.dictionaries(any_field, any_text | any_json, max_size=2),
    st.dictionaries(any_text, any_json, max_size=2),
    st.sets(any_field, max_size=1),
)


@hypothesis_quick
@given(any_json, st.booleans())
def test_any_json_as_body(value: Any, ensure_ascii: bool) -> None:
    assert_as_expected(make_record(body=json.dumps(value, ensure_ascii=ensure_ascii)))


@settings(max_examples=500, deadline=None)
@given(near_bodies, st.booleans())
def test_any_json_close_to_a_login(fields: dict[str, Any], ensure_ascii: bool) -> None:
    assert_as_expected(make_record(body=json.dumps(fields, ensure_ascii=ensure_ascii)))


@hypothesis_quick
@given(any_text)
def test_any_text_as_body(text: str) -> None:
    assert_as_expected(make_record(body=text))


@hypothesis_quick
@given(st.binary(max_size=40), st.sampled_from(["latin-1", "utf-8", "utf-16"]))
def test_any_bytes_as_body(raw: bytes, codec: str) -> None:
    assert_as_expected(make_record(body=raw.decode(codec, "surrogateescape" if codec == "utf-8" else "replace")))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_login_as_body(data: st.DataObject) -> None:
    """One place of a valid body cut out or overwritten: the fast and the careful way must judge alike."""
    body = json.dumps(make_body(extra={"a": [1, None, "x"]}))
    start = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, 3))
    patch = data.draw(st.sampled_from(["", '"', "\\", "\0", "\n", "\ud800", "é", ",", "}", "1", " ", "\\u0000", "01"]))
    assert_as_expected(make_record(body=body[:start] + patch + body[start + length :]))
