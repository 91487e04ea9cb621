"""A batch with refused rows of which the time or the connection ends in the middle: what is written stays written."""

import time

import pytest

from tests.chaos.proxy import Cut, PostgresProxy, Rule, Step
from tests.conftest import Function, Scratch
from tests.integration.batches import (
    assert_refused,
    assert_rows,
    assert_settled,
    ids,
    make_ordered,
    make_refusable,
    refuse,
    refuse_early,
)
from tests.support import Record, make_record

IN_PART = "batch written in part, the queue will deliver the rest again"


def deliver_again(function: Function, database: Scratch, records: list[Record], failed: list[str]) -> None:
    """The next delivery of what has failed settles it."""
    bad = [record for record in records if "ZZ" in record["body"]]
    assert set(function(*[record for record in records if record["messageId"] in failed])) == set(ids(bad))
    assert_rows(database, [record for record in records if record not in bad])
    assert_refused(database, bad)


def test_time_ends_in_the_middle(function: Function, database: Scratch) -> None:
    refuse(database)
    database.execute(
        """
        CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NEW; END $$;
        CREATE TRIGGER sleep BEFORE INSERT ON user_logins FOR EACH ROW WHEN (NEW.locale = 'SL')
            EXECUTE FUNCTION sleep();
        """
    )
    records = make_ordered(400, {0: {"locale": "ZZ"}, 150: {"locale": "ZZ"}, 250: {"locale": "SL"}})
    started = time.monotonic()
    failed = function(*records, seconds=8)
    assert time.monotonic() - started < 20  # when Postgres itself would give up
    database.disconnect_function()  # Postgres does not notice by itself that nobody waits for the sleeper.
    # The refused rows come back too: there was no time to record them.
    assert failed == ids([records[0], records[150], *records[200:]])
    assert_rows(database, [record for record in records[:200] if record["messageId"] not in failed])
    assert_refused(database, [])
    output = function.read_output()
    assert output.metrics["RecordsWritten"] == 198
    assert output.metrics["RecordsFailed"] == 202
    assert [line["level"] for line in output.lines(IN_PART)] == ["ERROR"]
    database.execute("DROP FUNCTION sleep CASCADE")
    deliver_again(function, database, records, failed)


def cut_from(proxy: PostgresProxy, step: Step, first: int) -> Rule:
    """Cuts the connection at each `step` from the `first` on, counted from 1."""

    def cut() -> None:
        if rule.fired >= first:
            rule.cut = Cut.BEFORE

    rule = Rule(step, Cut.NOTHING, times=10_000, call=cut)
    proxy.arm(rule)
    return rule


@pytest.mark.parametrize("step", [Step.BEGIN, Step.COPY, Step.DATA_END, Step.COMMIT])
@pytest.mark.parametrize("pieces", [0, 1, 2])
def test_connection_breaks_for_good_after_some_pieces(
    function: Function, database: Scratch, proxy: PostgresProxy, step: Step, pieces: int
) -> None:
    refuse(database)
    good, bad = make_refusable(300, {0, 110, 299})
    records = sorted([*good, *bad], key=lambda record: str(record["messageId"]))
    # The COPY and the merge come before the pieces; they reach their end where they fail, but not their COMMIT.
    before = {Step.BEGIN: 2, Step.COPY: 2, Step.DATA_END: 2, Step.COMMIT: 0}[step]
    cut_from(proxy, step, before + pieces + 1)
    failed = function(*records)
    proxy.arm(None)
    settled = [record for record in records[: 100 * pieces] if record in good]
    assert failed == [key for key in ids(records) if key not in ids(settled)]
    assert_rows(database, settled)
    # Recording the rejects takes no COPY.
    recorded = (
        [record for record in records[: 100 * pieces] if record in bad] if step in {Step.COPY, Step.DATA_END} else []
    )
    assert_refused(database, recorded)
    deliver_again(function, database, records, failed)


def test_connection_breaks_for_good_before_the_rejects_are_recorded(
    function: Function, database: Scratch, proxy: PostgresProxy
) -> None:
    refuse(database)
    good, bad = make_refusable(150, {0, 149})
    cut_from(proxy, Step.COMMIT, 3)
    assert function(*good, *bad) == ids(bad)
    assert_rows(database, good)
    assert_refused(database, [])
    proxy.arm(None)
    assert_settled(function, database, good, bad)


def test_connection_breaks_for_good_while_the_refused_rows_of_a_piece_are_sought(
    function: Function, database: Scratch, proxy: PostgresProxy
) -> None:
    """The staging table refuses a row, so the piece is halved; a half that is written is not reported with the rest."""
    refuse_early(database)
    good, bad = make_refusable(8, {7})
    cut_from(proxy, Step.COMMIT, 2)
    assert function(*good, *bad) == ids([*good[4:], *bad])
    assert_rows(database, good[:4])
    proxy.arm(None)
    assert_settled(function, database, good, bad)


# How often each step comes: in the COPY, the merge, two pieces, and while the rejects are recorded.
STEPS = {Step.BEGIN: 5, Step.COPY: 4, Step.DATA_END: 4, Step.COMMIT: 3}


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.ANSWERED])
@pytest.mark.parametrize(("step", "number"), [(step, n + 1) for step, times in STEPS.items() for n in range(times)])
def test_connection_breaks_once(
    function: Function, database: Scratch, proxy: PostgresProxy, step: Step, number: int, cut: Cut
) -> None:
    refuse(database)
    good, bad = make_refusable(150, {0, 149})

    def cut_one() -> None:
        rule.cut = cut if rule.fired == number else Cut.NOTHING

    rule = Rule(step, Cut.NOTHING, times=10_000, call=cut_one)
    proxy.arm(rule)
    invalid = make_record("{")
    assert set(function(*good, *bad, invalid)) == set(ids([*bad, invalid]))
    assert rule.fired >= number
    assert_rows(database, good)
    assert database.count("rejected_logins") == 3
