"""The time or the connection ends during a batch with refused rows: committed rows stay."""

import pytest

from lambda_src.errors import SetupError
from tests.chaos.proxy import Cut, PostgresProxy, Rule, Step
from tests.function import Function
from tests.integration.batches import (
    IN_PART,
    assert_refused,
    assert_rows,
    assert_settled,
    ids,
    make_ordered,
    make_refusable,
    refuse,
    refuse_early,
)
from tests.scratch import Scratch
from tests.support import Record, make_record


def deliver_again(function: Function, database: Scratch, records: list[Record], failed: list[str]) -> None:
    """Delivers the failed records again; asserts that all of them are settled."""
    bad = [record for record in records if "ZZ" in record["body"]]
    assert set(function(*[record for record in records if record["messageId"] in failed])) == set(ids(bad))
    assert_rows(database, [record for record in records if record not in bad])
    assert_refused(database, bad)


def refuse_slowly(database: Scratch, seconds: float) -> None:
    """Creates a trigger that takes `seconds` for each row, and refuses the locale ZZ."""
    database.execute(
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep({seconds});
            IF NEW.locale = 'ZZ' THEN RAISE EXCEPTION 'refused' USING ERRCODE = '22023'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION refuse();
        """
    )


@pytest.mark.parametrize("bad", [{0}, {299}, set(range(200))], ids=["first", "last", "two of three"])
def test_database_is_too_slow_for_a_batch_with_refused_rows(
    function: Function, database: Scratch, bad: set[int]
) -> None:
    """Each delivery settles a part of the batch, for every place of the refused rows."""
    refuse_slowly(database, 0.01)
    records = make_ordered(300, {place: {"locale": "ZZ"} for place in bad})
    left = records
    settled = 0
    while settled < len(records):
        failed = set(function(*left, seconds=7))
        written = {key for (key,) in database.rows("event_id")}
        assert not failed & written
        assert set(ids(left)) - failed <= written
        before, settled = settled, len(written) + database.count("rejected_logins")
        assert settled > before
        left = [record for record in left if record["messageId"] in failed]


def test_connection_breaks_before_a_good_row_is_tried(
    function: Function, database: Scratch, proxy: PostgresProxy
) -> None:
    """All rows so far are refused, but the other rows are not tried yet, so the set-up may be right."""
    refuse(database)
    good, bad = make_refusable(200, set(range(0, 200, 2)))  # the first of two pieces
    cut_from(proxy, Step.COPY, 3)
    records = [*good, *bad]
    assert sorted(function(*records)) == sorted(ids(records))
    proxy.arm(None)
    assert_settled(function, database, good, bad)


def test_set_up_is_wrong_for_a_row_of_a_later_piece(function: Function, database: Scratch) -> None:
    """The function does not report committed rows. The next delivery holds only the rest, and fails."""
    refuse(database)
    database.execute(
        """
        CREATE TABLE copies (who text NOT NULL);
        CREATE FUNCTION copy_it() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
            $$ BEGIN INSERT INTO public.copies VALUES (NEW.locale); RETURN NEW; END $$;
        CREATE TRIGGER second BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION copy_it();
        """
    )
    records = make_ordered(250, {0: {"locale": "ZZ"}, 1: {"locale": None}})
    failed = function(*records)
    assert set(failed) == {records[0]["messageId"], *ids([record for n, record in enumerate(records) if n % 3])}
    assert_rows(database, records[3::3])
    (line,) = function.read_output().lines(IN_PART)
    assert "copies.who" in line["error"]
    with pytest.raises(SetupError, match=r"copies\.who"):
        function(*records[1::3])
    database.execute("ALTER TABLE copies ALTER COLUMN who DROP NOT NULL")
    deliver_again(function, database, records, failed)


def test_time_ends_in_the_middle(function: Function, database: Scratch) -> None:
    refuse(database)
    database.execute(
        """
        CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN NEW; END $$;
        CREATE TRIGGER sleep BEFORE INSERT ON user_logins FOR EACH ROW WHEN (NEW.locale = 'SL')
            EXECUTE FUNCTION sleep();
        """
    )
    records = make_ordered(400, {0: {"locale": "ZZ"}, 150: {"locale": "ZZ"}, 250: {"locale": "SL"}})
    failed = function(*records, seconds=8)
    database.disconnect_function()  # Postgres does not notice by itself that nobody waits for the sleeper.
    # Pieces take rows from all over the batch: the sleeper is in the third of four.
    settled = [record for place, record in enumerate(records) if place % 4 < 2]
    assert failed == ids([record for record in records if record not in settled or record is records[0]])
    assert_rows(database, settled[1:])
    assert_refused(database, records[:1])
    output = function.read_output()
    assert output.metrics["RecordsWritten"] == 199
    assert output.metrics["RecordsRejected"] == 1
    assert output.metrics["RecordsFailed"] == 200
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


# The COPY comes before the pieces; it reaches its end, where it fails, but not its COMMIT.
BEFORE_PIECES = {Step.BEGIN: 1, Step.COPY: 1, Step.DATA_END: 1, Step.COMMIT: 0}
# Each piece has a refused row here, and recording it is a transaction without a COPY.
IN_EACH_PIECE = {Step.BEGIN: 2, Step.COPY: 1, Step.DATA_END: 1, Step.COMMIT: 2}


@pytest.mark.parametrize("step", IN_EACH_PIECE)
@pytest.mark.parametrize("pieces", [0, 1, 2])
def test_connection_breaks_for_good_after_some_pieces(
    function: Function, database: Scratch, proxy: PostgresProxy, step: Step, pieces: int
) -> None:
    refuse(database)
    good, bad = make_refusable(300, {0, 109, 299})  # one in each of the three pieces
    records = sorted([*good, *bad], key=lambda record: str(record["messageId"]))
    cut_from(proxy, step, BEFORE_PIECES[step] + pieces * IN_EACH_PIECE[step] + 1)
    failed = function(*records)
    proxy.arm(None)
    settled = [record for place, record in enumerate(records) if place % 3 < pieces]
    written = [record for record in settled if record in good]
    assert failed == [key for key in ids(records) if key not in ids(written)]
    assert_rows(database, written)
    assert_refused(database, [record for record in settled if record in bad])
    deliver_again(function, database, records, failed)


def test_connection_breaks_for_good_before_the_last_rejects_are_recorded(
    function: Function, database: Scratch, proxy: PostgresProxy
) -> None:
    refuse(database)
    good, bad = make_refusable(150, {1, 149})  # both in the second of two pieces
    cut_from(proxy, Step.COMMIT, 3)
    assert function(*good, *bad) == ids(bad)
    assert_rows(database, good)
    assert_refused(database, [])
    proxy.arm(None)
    assert_settled(function, database, good, bad)


def test_connection_breaks_for_good_while_the_refused_rows_of_a_piece_are_sought(
    function: Function, database: Scratch, proxy: PostgresProxy
) -> None:
    """The staging table refuses a row, so the piece is halved. A half that is written is not reported."""
    refuse_early(database)
    good, bad = make_refusable(8, {7})
    cut_from(proxy, Step.COMMIT, 2)
    assert set(function(*good, *bad)) == set(ids([*good[1::2], *bad]))  # the even places are one half
    assert_rows(database, good[::2])
    proxy.arm(None)
    assert_settled(function, database, good, bad)


# How often each step occurs: in the COPY, and in two pieces with their refusals.
STEPS = {step: BEFORE_PIECES[step] + 2 * IN_EACH_PIECE[step] for step in IN_EACH_PIECE}


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
