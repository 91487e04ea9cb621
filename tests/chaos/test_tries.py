"""How often a write is tried, and what each try may leave behind, with the connection cut at each step of it."""

import itertools

import pytest

from lambda_src import handler
from lambda_src.masking import Row, Salt, mask_login
from lambda_src.parsing import Login
from tests.chaos.proxy import Cut, PostgresProxy, Rule, Step
from tests.function import Function
from tests.scratch import Scratch
from tests.support import Context, Record, make_record, make_records

LARGE = 300  # records: more than the function gathers before it sends
CUTS = (Cut.BEFORE, Cut.HALF, Cut.AFTER, Cut.ANSWERED)
STEPS = (Step.BEGIN, Step.COPY, Step.DATA, Step.DATA_END, Step.COMMIT)


def make_batch(kind: str) -> tuple[list[Record], list[str]]:
    """Records, and the messageIds of the bad ones."""
    bad = [make_record("{"), make_record(ip="x")] if kind != "small and good" else []
    good = make_records(LARGE if kind == "large" else 3)
    return [*good[:1], *bad, *good[1:]], [record["messageId"] for record in bad]


@pytest.mark.parametrize("kind", ["small and good", "small", "large"])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("step", STEPS)
def test_connection_cut_once(
    function: Function, database: Scratch, proxy: PostgresProxy, step: Step, cut: Cut, kind: str
) -> None:
    records, bad = make_batch(kind)
    rule = Rule(step, cut)
    proxy.arm(rule)
    assert function(*records) == bad
    # A good batch that fits one statement has neither BEGIN nor COMMIT.
    assert rule.fired == (kind != "small and good" or step not in {Step.BEGIN, Step.COMMIT})
    assert database.count() == len(records) - len(bad)
    assert database.count("rejected_logins") == len(bad)


@pytest.mark.parametrize("step", [Step.COPY, Step.DATA, Step.DATA_END])
def test_connection_cut_at_every_try(function: Function, database: Scratch, proxy: PostgresProxy, step: Step) -> None:
    records, _ = make_batch("large")
    rule = Rule(step, Cut.BEFORE, times=99)
    proxy.arm(rule)
    assert function(*records) == [record["messageId"] for record in records]
    assert rule.fired == 2  # one more try, and not one more
    assert (database.count(), database.count("rejected_logins")) == (0, 0)
    proxy.arm(None)
    assert len(function(*records)) == 2
    assert database.count() == LARGE


def test_connection_cut_while_duplicates_are_merged(
    function: Function, database: Scratch, proxy: PostgresProxy
) -> None:
    records = make_records(5)
    function(*records)
    rule = Rule(Step.COMMIT, Cut.ANSWERED, times=99)
    proxy.arm(rule)
    more = make_records(2)
    assert function(*records, *more) == [record["messageId"] for record in records + more]
    assert rule.fired == 2
    assert database.count() == 7  # the COMMIT that was not heard of has come through
    proxy.arm(None)
    assert function(*records, *more) == []
    assert database.count() == 7


def test_connection_that_falls_silent_is_given_up_in_time(
    function: Function, database: Scratch, proxy: PostgresProxy
) -> None:
    records = make_records(2)
    rule = Rule(Step.COPY, Cut.SILENCE)
    proxy.arm(rule)
    assert function(*records, seconds=4) == [record["messageId"] for record in records]
    assert (rule.fired, database.count()) == (1, 0)
    assert function(*records) == []
    assert database.count() == 2


def test_memory_that_ends_in_the_middle_of_the_data(
    function: Function, database: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count()

    def fail(login: Login, salt: Salt, seal: None) -> Row:
        if next(calls) == LARGE - 1:
            raise MemoryError
        return mask_login(login, salt, seal)

    monkeypatch.setattr("lambda_src.records.mask_login", fail)
    records = make_records(LARGE)
    with pytest.raises(MemoryError):
        function(*records)
    # Neither a part of the batch taken for the whole, nor a good record taken for a bad one.
    assert (database.count(), database.count("rejected_logins")) == (0, 0)
    assert function(*records) == []
    assert database.count() == LARGE


@pytest.mark.parametrize("seconds", [2, 4, 8])
def test_log_in_that_falls_silent_is_given_up_in_time(
    function: Function, database: Scratch, proxy: PostgresProxy, seconds: int
) -> None:
    records = make_records(2)
    rule = Rule(Step.STARTUP, Cut.SILENCE, times=99)
    proxy.arm(rule)
    context = Context(seconds)
    response = handler.lambda_handler({"Records": records}, context)
    assert context.get_remaining_time_in_millis() > 0
    assert len(response["batchItemFailures"]) == 2
    proxy.arm(None)
    assert function(*records) == []
    assert database.count() == 2
