"""The metrics and log lines of a batch."""

from tests.function import Function
from tests.integration.expected import BAD
from tests.support import make_record


def test_metrics_and_log_lines_of_a_mixed_batch(function: Function) -> None:
    bad = [make_record(BAD["invalid_ip"]), make_record(BAD["invalid_ip"]), make_record(BAD["invalid_json"])]
    twice = make_record(extra=1)
    function(twice, make_record(x=1, y=2), twice, *bad)
    output = function.read_output()
    milliseconds = output.metrics.pop("WriteMilliseconds")
    assert milliseconds > 0
    counts = {
        "RecordsReceived": 6,
        "EventsReceived": 6,
        "RecordsWritten": 2,
        "DuplicatesIgnored": 1,
        "RecordsRejected": 3,
        "RecordsFailed": 0,
        "UnknownFields": 4,
    }
    assert output.metrics == counts
    assert output.rejected == {"invalid_ip": 2, "invalid_json": 1}
    assert output.namespaces == {"LoginPipeline"}
    assert output.services == {"login-pipeline"}
    assert output.units == dict.fromkeys(counts, "Count") | {"WriteMilliseconds": "Milliseconds"}
    (line,) = output.lines("batch written")
    assert {name: line[name] for name in counts} == {name: [count] for name, count in counts.items()}
    assert line["level"] == "INFO"
    reject_lines = {(row["message_id"], row["reason"], row.get("field")) for row in output.lines("record rejected")}
    assert reject_lines == {
        (bad[0]["messageId"], "invalid_ip", "ip"),
        (bad[1]["messageId"], "invalid_ip", "ip"),
        (bad[2]["messageId"], "invalid_json", None),
    }
    assert len(output.logs) == 4


def test_metrics_of_one_batch_do_not_reach_the_next(function: Function) -> None:
    function(make_record("{"), make_record(x=1))
    function.read_output()
    function(make_record())
    output = function.read_output()
    assert output.rejected == {}
    assert (output.metrics["RecordsReceived"], output.metrics["UnknownFields"]) == (1, 0)
    assert output.metrics["RecordsRejected"] == 0
