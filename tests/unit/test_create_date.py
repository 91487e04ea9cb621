"""The date of an event: the UTC day of `sent_timestamp`, or else of SentTimestamp."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import ABSENT, NOON, NOON_DATE, make_record
from tests.unit.outcomes import assert_as_expected, outcome, records_of, reject_of, row_of

MIDNIGHT = 1_700_006_400_000  # 2023-11-15 00:00 UTC
DAY = 86_400_000
YEAR_2000 = 946_684_800_000
YEAR_10000 = 253_402_300_800_000


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        (YEAR_2000, "2000-01-01"),
        (MIDNIGHT - 1, "2023-11-14"),
        (MIDNIGHT, "2023-11-15"),
        (MIDNIGHT + DAY - 1, "2023-11-15"),
        (MIDNIGHT + DAY, "2023-11-16"),
        (1_709_164_800_000, "2024-02-29"),
        (YEAR_10000 - 1, "9999-12-31"),
    ],
)
def test_create_date_is_the_utc_day(sent: int, day: str) -> None:
    assert row_of(sent=sent)["create_date"] == day
    assert row_of(sent=sent, attributes={"sent_timestamp": str(sent)})["create_date"] == day
    assert row_of(sent=ABSENT, attributes={"sent_timestamp": str(sent)})["create_date"] == day


def test_attribute_goes_before_the_time_of_sqs() -> None:
    assert row_of(sent=NOON, attributes={"sent_timestamp": str(NOON - 40 * DAY)})["create_date"] == "2023-10-06"


@pytest.mark.parametrize("sent", ["", "x", "1.5", "2023-11-15", "nan", "-1", "+1", " 1", "1_0", "١٧", "1e12"])
def test_time_of_sending_that_is_no_number(sent: str) -> None:
    assert reject_of(sent=sent) == ("wrong_type", "SentTimestamp")
    assert reject_of(attributes={"sent_timestamp": sent}) == ("wrong_type", "sent_timestamp")


@pytest.mark.parametrize(
    "sent", ["0", "1700049600", str(YEAR_2000 - 1), str(YEAR_10000), "9" * 15, "9" * 16, "9" * 30, "9" * 5000]
)
def test_time_of_sending_before_2000_or_after_9999(sent: str) -> None:
    assert reject_of(sent=sent) == ("invalid_timestamp", "SentTimestamp")
    assert reject_of(attributes={"sent_timestamp": sent}) == ("invalid_timestamp", "sent_timestamp")
    assert reject_of(sent=ABSENT, attributes={"sent_timestamp": sent}) == ("invalid_timestamp", "sent_timestamp")


def test_time_of_sending_up_to_two_days_ahead() -> None:
    assert row_of(sent=MIDNIGHT, attributes={"sent_timestamp": str(MIDNIGHT + 2 * DAY)})["create_date"] == "2023-11-17"
    late = {"sent_timestamp": str(MIDNIGHT + 2 * DAY + 1)}
    assert reject_of(sent=MIDNIGHT, attributes=late) == ("invalid_timestamp", "sent_timestamp")
    assert row_of(sent=ABSENT, attributes=late)["create_date"] == "2023-11-17"


def test_no_time_of_sending() -> None:
    assert reject_of(sent=ABSENT) == ("missing_field", "SentTimestamp")


@pytest.mark.parametrize("attributes", [None, {}, [], [1], "text", 5], ids=repr)
def test_system_attributes_of_another_shape(attributes: object) -> None:
    record = make_record() | {"attributes": attributes}
    assert outcome(record) == ("missing_field", "SentTimestamp")
    assert records_of(make_record(), record)[1:] == records_of(record)


@pytest.mark.parametrize("sent", [NOON, 1.5, True, [], {}], ids=repr)
def test_time_of_sqs_of_another_type(sent: object) -> None:
    record = make_record() | {"attributes": {"SentTimestamp": sent}}
    assert outcome(record) == ("wrong_type", "SentTimestamp")


def test_record_without_our_attributes() -> None:
    for attributes in (None, {}, {"other": {"stringValue": "x"}}):
        cells = outcome(make_record() | {"messageAttributes": attributes})
        assert isinstance(cells, dict)
        assert cells["create_date"] == NOON_DATE


numbers = st.integers(0, 10**16) | st.integers(YEAR_2000 - DAY, NOON + 4 * DAY)
times = st.none() | numbers.map(str) | st.text(alphabet="0123456789 +-._٣", max_size=18)


@settings(max_examples=300, deadline=None)
@given(times, times)
@example(None, str(NOON))
@example("000001700049600000", None)
@example(str(NOON), "x")
@example(str(NOON), str(YEAR_10000))
def test_any_time_of_sending(attribute: str | None, received: str | None) -> None:
    attributes = {} if attribute is None else {"sent_timestamp": attribute}
    assert_as_expected(make_record(sent=ABSENT if received is None else received, attributes=attributes))
