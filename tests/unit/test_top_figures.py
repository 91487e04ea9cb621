"""The figures of `top`: rates between two samples, the local function's log, and lines that fit 60 columns."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local.function_log import FunctionLog
from ops.live.drawing import draw, get_lines
from ops.live.rates import Rates, get_rates
from ops.live.sample import Counts, FunctionError, Metrics, QueueFigures, Sample

AT = 1_700_000_000.0


def metrics(
    *, period: float | None = None, age: float = 0, error: FunctionError | None = None, **counts: float
) -> Metrics:
    return Metrics(Counts(**counts), period, age, 3.0, error)


def database(rows: int = 0, **rejects: int) -> Any:
    return {
        "rows": rows, "rows_seconds": 10, "rejects_seconds": 3600, "connections": 90, "most_connections": 100,
        "bytes": 5 << 20, "rejects": [{"reason": reason, "events": events} for reason, events in rejects.items()],
    }  # fmt: skip


def sample(seconds: float = 0, waiting: int = 0, dead: int = 0, **parts: Any) -> Sample:
    return Sample(AT + seconds, QueueFigures(waiting, 1, dead), **parts)


# ---- rates ----------------------------------------------------------------------------------------------------------


def test_rates_of_two_samples() -> None:
    before = sample(0, 1000, 1, database=database(50, empty=2), metrics=metrics(duplicates=10, rejected=5, batches=1))
    after = sample(
        5, 800, 3, database=database(30, empty=2, invalid_ip=4),
        metrics=metrics(duplicates=20, rejected=5, failed=1, batches=5, write_milliseconds=80),
    )  # fmt: skip
    assert get_rates(before, after) == Rates(
        rows=3.0, waiting=-40.0, empty_in_seconds=20.0, duplicates=2.0, rejected=0.0, failed=0.2,
        write_milliseconds=20.0, new_dead_letters=2, new_rejects={"invalid_ip": 4},
    )  # fmt: skip


def test_rates_of_the_first_sample_are_unknown_but_for_rows() -> None:
    assert get_rates(None, sample(database=database(5), metrics=metrics(duplicates=1))) == Rates(rows=0.5)


def test_rates_of_a_period_need_no_sample_before() -> None:
    rates = get_rates(None, sample(metrics=metrics(period=60, duplicates=120, batches=4, write_milliseconds=100)))
    assert (rates.duplicates, rates.rejected, rates.write_milliseconds) == (2.0, 0.0, 25.0)


@pytest.mark.parametrize("part", ["queue", "database", "metrics"])
def test_rates_of_a_part_that_did_not_answer_before_are_unknown(part: str) -> None:
    full: dict[str, Any] = {
        "queue": QueueFigures(9, 0, 1),
        "database": database(empty=1),
        "metrics": metrics(rejected=1),
    }
    rates = get_rates(Sample(AT, **(full | {part: None})), Sample(AT + 1, **full))
    unknown = {"queue": rates.waiting, "database": rates.new_rejects or None, "metrics": rates.rejected}
    assert unknown[part] is None
    rates = get_rates(Sample(AT, **full), Sample(AT + 1, **(full | {part: None})))
    gone = {"queue": rates.new_dead_letters, "database": rates.rows, "metrics": rates.rejected}
    assert gone[part] is None


def test_rates_are_unknown_where_the_log_began_anew() -> None:
    before, after = sample(0, metrics=metrics(duplicates=9)), sample(1, metrics=metrics(duplicates=2))
    assert get_rates(before, after).duplicates is None


def test_rates_of_two_samples_of_one_instant_are_unknown() -> None:
    found = sample(0, metrics=metrics(duplicates=9))
    assert get_rates(found, found) == Rates(new_dead_letters=0)


# ---- the local function's log ---------------------------------------------------------------------------------------


def entry(second: int, message: str | None = "batch written", **values: Any) -> str:
    line = {"_aws": {"Timestamp": (int(AT) + second) * 1000}, "service": "x", **values}
    return json.dumps(line | ({"message": message} if message else {})) + "\n"


def test_log_is_added_up_and_read_once(tmp_path: Path) -> None:
    path = tmp_path / "function.log"
    path.write_text(
        "START RequestId: 1\n"
        + entry(0, None, reason="empty", RecordsRejected=[2])
        + entry(0, DuplicatesIgnored=[3], RecordsRejected=[2], RecordsFailed=[0], WriteMilliseconds=[7.5])
    )
    log = FunctionLog(path)
    for _ in range(2):
        log.read()
        assert log.counts == Counts(duplicates=3, rejected=2, batches=1, write_milliseconds=7.5)
    assert log.last_error is None
    with path.open("a") as file:
        line = entry(1, DuplicatesIgnored=[1], WriteMilliseconds=[2.5])
        file.write(line[:20])
        file.flush()
        log.read()
        assert log.counts.batches == 1
        file.write(line[20:])
    log.read()
    assert log.counts == Counts(duplicates=4, rejected=2, batches=2, write_milliseconds=10)


def test_log_tells_the_last_error_without_its_traceback(tmp_path: Path) -> None:
    path = tmp_path / "function.log"
    path.write_text(entry(0, "batch failed") + "[ERROR] SaltError: No salt.\rTraceback (most recent call last):\r  x\n")
    log = FunctionLog(path)
    log.read()
    assert log.last_error == FunctionError("2023-11-14T22:13:20Z", "SaltError: No salt.")
    with path.open("a") as file:
        file.write(entry(60, "batch failed"))  # of a function that runs in the stack's own process
    log.read()
    assert log.last_error == FunctionError("2023-11-14T22:14:20Z", "The function raised.")
    with path.open("a") as file:
        file.write(entry(99, "batch failed", RecordsFailed=[5]))  # it reported them, and did not raise
    log.read()
    assert (log.last_error.at, log.counts.failed) == ("2023-11-14T22:14:20Z", 5)


def test_log_that_began_anew_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "function.log"
    path.write_text(entry(0, DuplicatesIgnored=[3]) * 3)
    log = FunctionLog(path)
    log.read()
    path.write_text(entry(0, DuplicatesIgnored=[1]))
    log.read()
    assert log.counts.duplicates == 1


# ---- the view -------------------------------------------------------------------------------------------------------


def text_of(found: Sample, rates: Rates, width: int = 60) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(draw(found, rates, "title"))
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


CROWD = sample(
    waiting=123_456_789, dead=1, database=database(123_456, **{f"reason_{n}": 9 - n for n in range(8)}),
    metrics=metrics(period=60, age=95, error=FunctionError("2026-01-31T12:00:00Z", "SetupError: " + "word " * 60)),
)  # fmt: skip


def test_view_fits_60_columns() -> None:
    text = text_of(CROWD, get_rates(sample(-9, waiting=223_456_789), CROWD))
    assert max(map(len, text.splitlines())) <= 60
    text = " ".join(text.split())
    for part in ("123,456,789", "empty in 1", "12:00:00Z", "2026-01-31", "12,346/s", "of 100", "5.0 MiB", "within 1 h",
                 "reason_4", "for other reasons", "ended 1 min 35 s ago"):  # fmt: skip
        assert part in text, part
    assert "reason_5" not in text
    assert text.count("word") < 20  # a long error leaves room for the rest


def test_view_of_unknown_figures_shows_dashes_and_names_what_did_not_answer() -> None:
    found = Sample(AT, troubles={"queue": "AWS cannot be reached: \x1b[2J"})
    text = text_of(found, get_rates(None, found))
    assert "No answer (queue): AWS cannot be reached: \\x1b[2J" in text
    assert all(line.figure == "-" for line in get_lines(found, Rates()) if line.name.startswith(" "))


def test_view_shows_no_age_of_figures_that_are_new() -> None:
    assert "CloudWatch" not in text_of(sample(metrics=metrics()), Rates())
