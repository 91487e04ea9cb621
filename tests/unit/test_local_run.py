"""What a run reads from the function's log, and how it prints its outcome."""

import io
import json
from pathlib import Path

from rich.console import Console

from local.report import print_outcome
from local.run import Outcome, sum_metric


def test_metric_is_summed_over_the_log(tmp_path: Path) -> None:
    log = tmp_path / "function.log"
    lines = [
        json.dumps({"_aws": {}, "DuplicatesIgnored": [2.0, 1.0]}),
        "START RequestId: 1",
        json.dumps({"_aws": {}, "DuplicatesIgnored": 4}),
        json.dumps({"message": "DuplicatesIgnored", "DuplicatesIgnored": 100}),
        '{"_aws": {}, "DuplicatesIgnored": [1',
    ]
    log.write_text("\n".join(lines), encoding="utf-8")
    assert sum_metric(log, "DuplicatesIgnored") == 7
    assert sum_metric(log, "Other") == 0


def test_outcome_names_what_is_out_of_order_only() -> None:
    good = Outcome(sent=3, written=2, rejects={"empty": 1}, dead_letters=1)
    bad = Outcome(sent=3, written=1, refused=4, lost=2, failed_batches=5)
    assert good.is_complete
    assert not bad.is_complete
    for outcome, expected in ((good, False), (bad, True)):
        text = io.StringIO()
        print_outcome(Console(file=text, width=100), outcome, "make psql")
        words = text.getvalue()
        assert ("refused by SQS" in words) == expected
        assert ("neither written nor rejected" in words) == expected
        assert ("batches that the function failed on" in words) == expected
        assert "make psql" in words


def test_cells_of_pseudonyms_are_cut_and_null_is_shown() -> None:
    text = io.StringIO()
    row = ("2026-01-01", "u" * 40, "ios", "a" * 64, "b" * 64, None, "1.2.3")
    print_outcome(Console(file=text, width=120), Outcome(sent=1, written=1, rows=[row]), "make psql")
    assert "a" * 14 not in text.getvalue()
    assert "null" in text.getvalue()
