"""Months with daily partitions: how they are made, what they hold, and that queries see no difference."""

import datetime
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from lambda_src.errors import MigrationError
from lambda_src.migrate import MONTHS_AHEAD, migrate
from tests.function import Function
from tests.scratch import Scratch
from tests.support import make_record

LEAVES = """
    SELECT t.relid::regclass::text FROM pg_partition_tree('user_logins') t
    WHERE t.isleaf AND t.relid <> 'user_logins_default'::regclass ORDER BY 1
"""
BY_DAY = """
    SELECT m.partition::text FROM login_months() m JOIN pg_class c ON c.oid = m.partition
    WHERE c.relkind = 'p' ORDER BY 1
"""
DECEMBER = 1_575_200_000_000  # 2019-12-01, in milliseconds


@pytest.fixture
def daily(database: Scratch) -> Scratch:
    """A database with daily partitions for this month and the coming months."""
    assert split(database) == MONTHS_AHEAD + 1
    return database


def split(database: Scratch) -> int:
    ((count,),) = database.query("SELECT split_login_months()")
    assert isinstance(count, int)
    return count


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def milliseconds(day: datetime.date) -> int:
    return int(datetime.datetime(day.year, day.month, day.day, 12, tzinfo=datetime.UTC).timestamp() * 1000)


def test_login_goes_to_the_partition_of_its_day(function: Function, daily: Scratch) -> None:
    record = make_record(sent=milliseconds(today()))
    assert function(record) == []
    assert function(record, make_record(sent=milliseconds(today()))) == []
    ((place, count),) = daily.query("SELECT tableoid::regclass::text, count(*) FROM user_logins GROUP BY 1")
    assert (place, count) == (f"user_logins_{today():%Y_%m_%d}", 2)


def test_each_day_of_a_month_has_its_partition(daily: Scratch) -> None:
    leaves = {name for (name,) in daily.query(LEAVES)}
    for (month,) in daily.query(BY_DAY):
        first = datetime.datetime.strptime(month, "user_logins_%Y_%m").date()  # noqa: DTZ007  a date alone
        days = [first + datetime.timedelta(n) for n in range(31)]
        assert {f"{month}_{day:%d}" for day in days if day.month == first.month} <= leaves


def test_later_months_are_by_day_too(daily: Scratch) -> None:
    assert daily.query("SELECT create_login_partitions((now() + interval '13 months')::date, 2)") == [(2,)]
    assert len(daily.query(BY_DAY)) == MONTHS_AHEAD + 3
    assert split(daily) == 0


def test_without_it_months_stay_whole(database: Scratch) -> None:
    assert database.query(BY_DAY) == []
    with closing(database.connect()) as connection:
        connection.autocommit = False
        migrate(connection)
    assert database.query(BY_DAY) == []


def test_month_that_holds_logins_stays_as_it_is(function: Function, database: Scratch) -> None:
    assert function(make_record(sent=milliseconds(today()))) == []
    assert split(database) == MONTHS_AHEAD
    assert f"user_logins_{today():%Y_%m}" not in {name for (name,) in database.query(BY_DAY)}
    assert database.count() == 1


def test_new_month_by_day_takes_its_rows_out_of_the_default_partition(function: Function, daily: Scratch) -> None:
    records = [make_record(sent=DECEMBER + n * 86_400_000) for n in (-1, 0, 30, 31)]
    assert function(*records) == []
    assert daily.count("user_logins_default") == 4
    assert daily.query("SELECT create_login_partitions('2019-12-24', 1)") == [(1,)]
    places = daily.query(
        "SELECT tableoid::regclass::text FROM user_logins WHERE create_date >= '2019-12-01' ORDER BY 1"
    )
    assert places == [("user_logins_2019_12_01",), ("user_logins_2019_12_31",), ("user_logins_default",)]
    assert function(*records) == []
    assert daily.count() == 4


def test_split_waits_for_nobody_for_long(database: Scratch) -> None:
    """During a long query of an analyst, the split fails, because the function would have to wait behind it."""
    with closing(database.connect()) as reader:
        reader.autocommit = False
        with reader.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM user_logins")
        with closing(database.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")  # only the lock_timeout of the SQL function counts
            cursor.execute("SET statement_timeout = '20s'")
            connection.autocommit = False
            with pytest.raises(
                MigrationError, match=r"split_login_months failed, nothing was changed: .* lock timeout"
            ):
                migrate(connection, daily_partitions=True)
    assert database.query(BY_DAY) == []


def test_batch_written_while_months_are_split(function: Function, database: Scratch) -> None:
    with closing(database.connect()) as other, ThreadPoolExecutor() as pool:
        other.autocommit = False
        with other.cursor() as cursor:
            cursor.execute("SELECT split_login_months()")

        def commit() -> None:
            database.wait_for_waiting()
            other.commit()

        committing = pool.submit(commit)
        assert function(make_record(sent=milliseconds(today()))) == []
        committing.result()
    assert database.count(f"user_logins_{today():%Y_%m_%d}") == 1


def test_command_line(database: Scratch) -> None:
    command = [sys.executable, "-m", "lambda_src.migrate", "--daily-partitions"]
    for said in ("applied split_login_months\n", "nothing to do\n"):
        finished = subprocess.run(command, env=database.environment(), capture_output=True, text=True, check=True)
        assert finished.stdout == said
        assert len(database.query(BY_DAY)) == MONTHS_AHEAD + 1
