"""The dead-letter queue is slow, hangs, refuses or cannot be reached. Rows are written, and no reject is lost."""

import http
from collections.abc import Iterator

import pytest

from lambda_src.quarantine import CONNECT_SECONDS, READ_SECONDS
from local.aws import AwsEndpoint
from local.postgres import free_port
from tests.chaos.aws_front import Trouble
from tests.function import Function
from tests.integration.batches import ids, make_refusable, refuse
from tests.integration.letters import SEND, WatchedFront, receive_letters
from tests.scratch import Scratch
from tests.support import Record, make_record, make_records


@pytest.fixture
def front(aws: AwsEndpoint, queue: str, function: Function, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedFront]:
    """A server between the function and SQS."""
    started = WatchedFront(aws.environment["AWS_ENDPOINT_URL"])
    started.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", started.url)
    assert function() == []  # The salt is there.
    function.read_output()
    yield started
    started.stop()


def make_rejects(count: int) -> list[Record]:
    """Returns `count` records without a valid body."""
    return [make_record("{") for _ in range(count)]


def test_rows_are_visible_before_the_first_letter(function: Function, database: Scratch, front: WatchedFront) -> None:
    seen = []
    front.watch = lambda: seen.append((database.count(), database.count("rejected_logins")))
    assert function(*make_records(200), *make_rejects(25)) == []
    assert seen == [(200, 25)] * 3


def test_sqs_takes_300_milliseconds_for_a_call(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str, front: WatchedFront
) -> None:
    front.trouble = Trouble(SEND, delay=0.3)
    good, bad = make_records(100), make_rejects(400)
    failed = function(*good, *bad, seconds=12)
    assert (database.count(), database.count("rejected_logins")) == (100, 400)
    assert 0 < len(failed) < 400
    front.trouble = None
    assert function(*[record for record in bad if record["messageId"] in failed]) == []
    # One letter for each reject, as each call was confirmed.
    assert sorted(receive_letters(aws, queue)) == sorted(ids(bad))


@pytest.mark.parametrize("count", [1, 30])
def test_sqs_accepts_and_never_answers(function: Function, database: Scratch, front: WatchedFront, count: int) -> None:
    front.trouble = Trouble(SEND, delay=3600)
    good, bad = make_records(100), make_rejects(count)
    assert function(*good, *bad) == ids(bad)
    assert front.trouble.met == 1  # One attempt, and no other call after it.
    assert (database.count(), database.count("rejected_logins")) == (100, count)
    assert len(function.read_output().lines("quarantine failed, the rest stays in the queue")) == 1


def test_sqs_hangs_after_some_calls(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str, front: WatchedFront
) -> None:
    calls: list[None] = []

    def hang_at_the_third() -> None:
        calls.append(None)
        front.trouble = Trouble(SEND, delay=60) if len(calls) == 3 else None

    front.watch = hang_at_the_third
    bad = make_rejects(50)
    failed = function(*bad, *make_records(3))
    assert len(failed) == 30
    assert len(calls) == 3
    assert sorted(receive_letters(aws, queue)) == sorted(set(ids(bad)) - set(failed))
    assert database.count() == 3


def test_answer_of_sqs_is_lost(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str, front: WatchedFront
) -> None:
    """SQS has the letters, but the function cannot know that. The rejects come back, and become second letters."""
    front.trouble = Trouble(SEND, lost=True)
    bad = make_rejects(5)
    assert function(*bad, make_record()) == ids(bad)
    front.trouble = None
    assert function(*bad) == []
    assert sorted(receive_letters(aws, queue)) == sorted(ids(bad + bad))
    assert database.rows("times", "rejected_logins") == [(2,)] * 5


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "AccessDenied"), (400, "OverLimit"), (403, "RequestThrottled"), (500, "InternalFailure"), (503, "x")],
)
def test_sqs_refuses_the_call(
    function: Function, database: Scratch, front: WatchedFront, status: http.HTTPStatus, code: str
) -> None:
    front.trouble = Trouble(SEND, status, code)
    bad = make_rejects(15)
    assert function(*bad, *make_records(2)) == ids(bad)
    assert front.trouble.met == 1
    assert (database.count(), database.count("rejected_logins")) == (2, 15)


def test_nobody_listens(
    function: Function, database: Scratch, front: WatchedFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    bad = make_rejects(15)
    assert function(*bad, *make_records(2)) == ids(bad)
    assert (database.count(), database.count("rejected_logins")) == (2, 15)


def test_sqs_refuses_single_letters(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str, front: WatchedFront
) -> None:
    aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MaximumMessageSize": "1024"})
    bad = [make_record("{" + "x" * (5_000 if number % 3 == 1 else 0)) for number in range(25)]
    assert function(*bad, make_record()) == ids(bad[1::3])
    assert sorted(receive_letters(aws, queue)) == sorted(set(ids(bad)) - set(ids(bad[1::3])))
    assert (database.count(), database.count("rejected_logins")) == (1, 25)


def test_write_takes_almost_all_of_the_time(function: Function, database: Scratch, front: WatchedFront) -> None:
    """A call could last longer than the deadline, so the function does not begin it."""
    database.execute(
        """
        CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3.2); RETURN NULL; END $$;
        CREATE TRIGGER sleep AFTER INSERT ON user_logins EXECUTE FUNCTION sleep();
        """
    )
    bad = make_rejects(3)
    calls: list[None] = []
    front.watch = lambda: calls.append(None)
    assert function(*make_records(5), *bad, seconds=CONNECT_SECONDS + READ_SECONDS + 4) == ids(bad)
    assert calls == []
    assert (database.count(), database.count("rejected_logins")) == (5, 3)
    assert len(function.read_output().lines("quarantine has no time left, the rest stays in the queue")) == 1


def test_ten_thousand_rejects_in_one_batch(function: Function, database: Scratch, front: WatchedFront) -> None:
    """SQS accepts some letters, and then fails. Rejects without a confirmed letter come back."""
    seen = set()
    letters: list[str] = []
    front.watch = lambda: seen.add(database.count())
    front.take = letters
    good, bad = make_records(100), make_rejects(10_000)
    failed = set(function(*good, *bad, seconds=60))
    assert seen == {100}
    assert (database.count(), database.count("rejected_logins")) == (100, 10_000)
    assert len(letters) == len(set(letters))
    assert failed == set(ids(bad)) - set(letters)
    assert len(failed) == 10_000 - 5_000 * 9 // 10
    front.calls_taken = 1_000
    again = [record for record in bad if record["messageId"] in failed]
    still_failed = set(function(*again, seconds=60))
    assert len(still_failed) == len(failed) // 10
    assert sorted([*letters, *still_failed]) == sorted(ids(bad))


def test_refused_rows_among_written_ones(
    aws: AwsEndpoint, function: Function, database: Scratch, queue: str, front: WatchedFront
) -> None:
    refuse(database)
    front.trouble = Trouble(SEND, delay=60)
    good, bad = make_refusable(150, {0, 70, 149})
    assert set(function(*good, *bad)) == set(ids(bad))
    assert database.count() == 147
    front.trouble = None
    assert function(*bad) == []
    assert sorted(receive_letters(aws, queue)) == sorted(ids(bad))
