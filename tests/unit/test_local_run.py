"""What a run reads from the function's log, and how it prints its outcome."""

import json
import time
from pathlib import Path

import pytest

from lambda_src.envelopes import OPENERS
from lambda_src.parsing import parse_event
from lambda_src.unpacking import unpack_message
from local.commands import Envelope
from local.outcome import Outcome, sum_metric
from local.report import print_description, print_outcome
from local.state import Description
from ops.output import Output
from tests.support import sample_body


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


@pytest.mark.parametrize("envelope", ["none", *OPENERS])
def test_printed_example_is_an_event(capsys: pytest.CaptureFixture[str], envelope: str) -> None:
    login = dict.fromkeys(("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE"), "x")
    aws = dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"), "x")
    description = Description(
        aws=aws,
        logins={"analyst": login, "reader": login},
        queue="queue",
        dead_letter_queue="dead",
        salt_parameter="salt",
        visibility_seconds=6,
        max_receives=20,
        in_process=False,
        envelope=envelope,
        vault_key=None,
        vault_public_key=None,
    )
    print_description(Output(as_json=False), description, Path("logs"))
    words = capsys.readouterr().out
    events = [
        event
        for number in range(2)
        for event in unpack_message(
            {
                "messageId": str(number),
                "body": sample_body(words),
                "attributes": {"SentTimestamp": str(time.time_ns() // 1_000_000)},
            },
            None if envelope == "none" else envelope,
        )
    ]
    assert len({parse_event(event).event_id for event in events}) == 2


def test_every_envelope_can_be_tried_locally() -> None:
    assert {*Envelope} == {"none", *OPENERS}
