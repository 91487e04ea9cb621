"""What a run reads from the function's log, and how it prints its outcome."""

import json
from pathlib import Path

import pytest

from local.report import print_outcome
from local.run import Outcome, sum_metric
from ops.output import Output


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


def test_outcome_names_what_is_out_of_order_only(capsys: pytest.CaptureFixture[str]) -> None:
    good = Outcome(sent=3, written=2, rejects={"empty": 1}, dead_letters=1)
    bad = Outcome(sent=3, written=1, refused=4, lost=2, failed_batches=5)
    assert good.is_complete
    assert not bad.is_complete
    for outcome, expected in ((good, False), (bad, True)):
        print_outcome(Output(as_json=False), outcome, "loginpipe psql")
        words = capsys.readouterr().out
        assert ("refused by SQS" in words) == expected
        assert ("neither written nor rejected" in words) == expected
        assert ("batches that the function failed on" in words) == expected
        assert "loginpipe psql" in words


def test_cells_of_pseudonyms_are_cut_and_null_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    row = ("2026-01-01", "u" * 40, "ios", "a" * 64, "b" * 64, None, "1.2.3")
    print_outcome(Output(as_json=False), Outcome(sent=1, written=1, rows=[row]), "loginpipe psql")
    words = capsys.readouterr().out
    assert "a" * 9 not in words
    assert "null" in words
